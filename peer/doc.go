// Package peer is the server-to-server side: ZooKeeper's atomic broadcast (ZAB).
//
// For now an ensemble is one server, a quorum of itself. It goes the way every
// leader goes, with the same steps in the same order:
//
//	Discovery        a quorum reports its accepted epochs; the new epoch is one more than
//	                 the greatest; it is durable here before anybody hears of it
//	Synchronization  own log fdatasynced → own current epoch durable → own vote
//	Broadcast        propose → log → commit → apply, until the reign ends
//
//	 pipeline            Term                       wal               Term.apply
//	    │  Propose(batch)  │                         │                    │
//	    ├─────────────────▶│  in flight, then Append │                    │
//	    │                  ├────────────────────────▶│ one fdatasync for  │
//	    │  (next batch)    │                         │ all that waits     │
//	    │                  │◀──── own watermark ─────┤                    │
//	    │                  │  acks → committed       │                    │
//	    │                  ├───────── min(committed, own durable) ───────▶│ publish the
//	    │◀──────────────────────────── Done(nil), in order ───────────────┤ version
//
// Nothing is applied that is not committed and durable here: memory is never
// ahead of disk. [Peer.Run] owns every goroutine; nothing starts in New.
package peer
