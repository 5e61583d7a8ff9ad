// Package resync decides how a learner's log becomes the leader's: what it has
// to cut, whether it needs a snapshot, and from where the records follow.
//
// A learner that connects reports the last zxid it has logged. It may be behind,
// it may have records that nobody committed, and the leader may no longer have
// the records it lacks. There are three ways (ZooKeeper's words):
//
//	DIFF   nothing to undo                     the records after the learner's last follow
//	TRUNC  cut all after a zxid                the records after that zxid follow
//	SNAP   replace everything by a snapshot    the records after its zxid follow
//
// [Decide] chooses. It is a function of six numbers and two flags, it always has
// an answer, and it has one. Whatever the way, the learner then holds the leader's
// history up to [Plan.After], and the rest is a cursor over the leader's log.
//
// # The table
//
// A row is the first that fits. Drawn are the zxids from left to right: · is a
// record that the leader has purged, B its log's base (the last purged one), ● a
// record, F the learner's floor, ^ where the common history ends. The learner is
// the second line.
//
//	the learner asks for it        whatever the logs are                  SNAP   asked
//
//	its numbers contradict         floor > last                           SNAP   contradiction (*)
//	one another
//
//	its last is before the base    · · · B ● ● ●
//	                               · F ●                                  SNAP   purged
//
//	its last is our last           · B ● ● ● ●
//	                               · F ● ● ● ●
//	                                         ^                            DIFF   current
//
//	its last is in our log,        · B ● ● ● ●
//	or the base                    · F ● ●
//	                                     ^                                DIFF   behind
//
//	it is not, and the learner     · B ● ●   ●
//	keeps no log                   (a tree) F                             SNAP   no log (*)
//
//	it is not, and what we share   · B ● ●     ●
//	ends below its floor           · · · ● ● F
//	                                     ^                                SNAP   below floor (*)
//
//	it is beyond our last          · B ● ●
//	                               · F ● ● ● ●
//	                                     ^                                TRUNC  ahead
//
//	it falls between two of ours   · B ● ●       ● ●
//	                               · F ● ● ● ●
//	                                     ^                                TRUNC  diverged
//
// Rows with (*) cannot happen between honest servers ([Reason.Guard]): whoever
// sees one should be told. testdata/plans.txt has more drawings, with what becomes
// of the learner's log.
//
// # Why zxids are enough
//
// The leader sees only the learner's last zxid, not its log, yet it names a place
// to cut: [History.Common], the greatest zxid of its own history that is not beyond
// the learner's last. Two facts make it the end of what both have.
//
// A zxid is one txn, with one history before it: an epoch has one leader, which
// proposes its records after the history that it made a quorum agree to. So if the
// learner has Common, both have the same records up to it.
//
// The learner does have it. Say its last is z, the leader's next record after what
// they share is y, and y < z. The learner lacks y, so y is of an earlier epoch than z
// (an epoch is one sequence), and z's epoch began with a history without y: a
// quorum acknowledged it before z existed. Whoever leads now was compared with one of
// that quorum by (current epoch, last logged zxid) and did not lose. So it has
// taken over that history itself, or one that grew out of it, and has no y.
//
// This is why TRUNC may cross an epoch here, where ZooKeeper sends a snapshot. It
// leans on the protocol's rules: nothing of an epoch exists before the quorum of
// NewLeader acknowledgements (P3), a leader's current epoch is durable before it
// counts itself (P2), and all that is compared was logged, not applied.
//
// # What the learner checks
//
// It takes nobody's word (P8). A zxid to cut after must be in its log, and not
// below its floor. A record must name its own last as predecessor. A mismatch
// ends the stream; the learner comes back and asks for a snapshot.
//
// A snapshot never takes back what the learner has applied when its reason is
// purged: the snapshot is not before the base, which is beyond the learner's last.
// When asked for, or in a row with (*), it may be older than the learner's last, and
// the learner's disk then vouches for less than it did (P6: a new storage identity).
//
// # What it costs
//
// DIFF before TRUNC before SNAP: bytes already on the learner's disk are not sent
// again. A log that grew long over a small tree may cost more to send than the
// tree. Where that limit lies is the caller's choice, and made by giving a later
// zxid of the log as [History.Base]: what is before it counts as purged.
//
// The package is pure: no clock, no disk, no network, no locks.
package resync
