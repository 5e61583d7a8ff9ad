// Package peer is the server-to-server side: ZooKeeper's atomic broadcast (ZAB), over
// one stream for each pair of leader and learner.
//
// A server looks for a leader ([election], driven by the elector), and then either leads or
// follows. A learner opens Learner.Sync to the leader and keeps it as long as it follows:
//
//	         learner (learner.go)                      leader (session.go, one for each learner)
//	            │                                         │
//	Discovery   ├── LearnerInfo: id, accepted epoch ─────▶│  infos: a quorum has come
//	            │                                         │  epoch = greatest + 1, durable
//	            │◀───────────────────── LeaderInfo: epoch ┤
//	 durable    ├── AckEpoch: current epoch, last zxid ──▶│  epochAcks: a quorum has promised,
//	            │                                         │  and nobody in it was ahead
//	Synchro-    │◀──── DIFF | TRUNC | SNAP, then the log ─┤  resync.Decide, a cursor
//	nization    │◀───────────────────────────── NewLeader ┤
//	 durable    ├── AckNewLeader ────────────────────────▶│  synced: a quorum has the history;
//	            │                                         │  all of it is committed, at once
//	            │◀────────────────── UpToDate: committed ─┤
//	Broadcast   │◀───────── Proposal: prev, txns, commit ─┤  feed: a window over the log
//	 durable    ├── Ack: zxid ───────────────────────────▶│  acks: a watermark per server
//	            │◀──────────────────────── Commit: zxid ──┤
//	            ├── Request, Revalidate, Sync ───────────▶│  pipeline; rounds
//	            │◀─────────────────── Reply, Revalidated ─┤
//	            │◀─────────────── Ping ──────────────────▶│
//
// On the leader itself a write goes this way; a learner's requests join it at the pipeline:
//
//	pipeline            Term                       wal               Term.apply
//	   │  Propose(batch)  │                         │                    │
//	   ├─────────────────▶│  in flight, then Append │                    │
//	   │                  ├────────────────────────▶│ one fdatasync for  │
//	   │                  ├─▶ feed ─▶ learners      │ all that waits     │
//	   │                  │◀──── own watermark ─────┤                    │
//	   │                  │◀──── theirs             │                    │
//	   │                  │  acks → committed       │                    │
//	   │                  ├───────── min(committed, own durable) ───────▶│ publish the
//	   │◀──────────────────────────── Done(nil), in order ───────────────┤ version
//
// Nothing is applied that is not committed and durable here: memory is never ahead of disk.
// [Peer.Run] owns every goroutine; nothing starts in New. The transport ([Transport]) is the
// only part that knows gRPC. DESIGN.md says why things are as they are.
package peer
