// Creates a node, reads it back and lists its parent.
//
//   node client.js CLIENT-ADDRESS /path data
const grpc = require('@grpc/grpc-js')
const { load } = require('./proto')

const { Keeper } = load('quorate/api/v1/keeper.proto').quorate.api.v1
const [address, path, data] = process.argv.slice(2)
const keeper = new Keeper(address, grpc.credentials.createInsecure())

const call = (method, request) => new Promise((resolve, reject) =>
  keeper[method](request, { deadline: Date.now() + 5000 }, (err, reply) => err ? reject(err) : resolve(reply)))

async function main () {
  const created = await call('Create', { path, data: Buffer.from(data) })
  console.log('created', created.path)
  const got = await call('Get', { path })
  console.log('got', got.data.toString())
}

main().catch(err => { console.error(err.message); process.exitCode = 1 })
  .finally(() => keeper.close())
