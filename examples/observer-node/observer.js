// Joins an ensemble as an observer: takes the snapshot, then prints each committed txn.
//
//   node observer.js LEADER-PEER-ADDRESS
//
// It keeps nothing on a disk, so it says durable: false, acknowledges nothing, and is informed of what is committed.
const grpc = require('@grpc/grpc-js')
const { load, decoder } = require('./proto')

const { Learner } = load('quorate/quorum/v1/quorum.proto').quorate.quorum.v1
const decode = decoder('quorate/txn/v1/txn.proto')
const random = () => require('crypto').randomBytes(8).readBigUInt64BE().toString()
const zxid = z => `${BigInt(z) >> 32n}.${BigInt(z) & 0xffffffffn}`

const stream = new Learner(process.argv[2], grpc.credentials.createInsecure()).Sync()
stream.on('error', err => { console.error(err.message); process.exitCode = 1 })
stream.write({ info: { id: 253, protocol: 1, storage: random(), nonce: random(), durable: false } })

let nodes = 0
stream.on('data', m => {
  switch (m.step) {
    case 'info': // the epoch: this learner has nothing, and promises nothing that counts
      return stream.write({ ack_epoch: { current_epoch: 0, last_zxid: 0, floor: 0, counts: false } })
    case 'snapshot':
      if (m.snapshot.begin) console.log(`snapshot at ${zxid(m.snapshot.begin.zxid)}`)
      if (m.snapshot.chunk) nodes += decode('quorate.txn.v1.SnapshotChunk', m.snapshot.chunk.data).nodes.length
      if (m.snapshot.end) console.log(`${nodes} nodes`)
      return
    case 'new_leader': // the history is complete
      return stream.write({ ack_new_leader: { epoch: m.new_leader.epoch } })
    case 'up_to_date':
      return console.log(`up to date: committed ${zxid(m.up_to_date.committed)}`)
    case 'inform':
      for (const bytes of m.inform.txns) {
        const t = decode('quorate.txn.v1.Txn', bytes)
        console.log(zxid(t.zxid.toString()), t.op, t[t.op].path || '')
      }
      return
    case 'ping':
      return stream.write({ ping: { round: m.ping.round } })
  }
})
