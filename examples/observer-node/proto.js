// The proto files of this repository, for grpc-js, and a decoder for the messages that travel as bytes.
const path = require('path')
const grpc = require('@grpc/grpc-js')
const loader = require('@grpc/proto-loader')
const protobuf = require('protobufjs')

const root = path.join(__dirname, '..', '..', 'proto')
const options = { includeDirs: [root], keepCase: true, longs: String, enums: String, oneofs: true }

exports.load = file => grpc.loadPackageDefinition(loader.loadSync(file, options))

exports.decoder = file => {
  const types = new protobuf.Root()
  types.resolvePath = (_, target) => path.isAbsolute(target) ? target : path.join(root, target)
  types.loadSync(file, { keepCase: true })
  return (name, bytes) => types.lookupType(name).decode(bytes)
}
