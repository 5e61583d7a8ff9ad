// Package pipeline carries requests: sequence → log → commit → apply.
//
//	Start ─────▶ queue ──▶ sequencer ──▶ peer.Term ──▶ Done ──▶ done
//	Forwarded ──▶ bounded   prepare on      log, commit,
//	                        the tip, encode apply
//
// There is one sequencer. It takes what is waiting, makes one batch of it and
// proposes that; while the batch is on its way to the disks the next one fills up.
// So batches grow with the load, without a timer.
//
// On a server that follows, the same queue goes to the leader, one request after the other, and
// on the leader into the same batches as its own:
//
//	follower   Start ──▶ queue ──▶ peer.Upstream ─ ─ ─ ─ ─ ─ ┐                 ┌─▶ applied here ──▶ done
//	leader                          Forwarded ──▶ queue ──▶ batch ──▶ proposed ─┘
//
// The leader answers a learner when the batch is proposed, with its zxid: it is the learner that
// waits until it has applied that. If the stream between them ends first, the outcome is unknown.
//
// A request that is refused consumes no zxid and writes nothing. But the refusal
// was found on the tip, which may hold what never commits; so it travels with
// its batch, or to the learner with the tip's zxid, and reaches the caller only when all that it
// depended on is committed and applied on the server that answers (DESIGN §5, failed requests).
//
// Sessions: what is asked for one is judged by the tip, which knows whether it is open, and by the reign's leases ([lease]),
// which know to which server its client is attached. One that is opened is named after the server that asked and the zxid of its
// own txn. To attach leaves no txn: its answer is that the tip agrees and that a quorum
// follows still, and holds like a refusal. The leader closes sessions of which
// nothing was heard, and deletes nodes that go by themselves, by requests that go the same way and are judged once more in their turn.
//
// Without a leader requests are refused at once. Reads do not come here: they take the published
// version, without a lock.
package pipeline
