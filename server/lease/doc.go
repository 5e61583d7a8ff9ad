// Package lease is what an established leader knows of sessions that is not in the tree, and forgets with its reign: to which
// server a session's client speaks, and when the session expires if nothing more is heard of it.
//
//	requests at their sequencing ─▶ opened, attached, closed ─┐
//	pings: sessions touched ──────▶ touched ──────────────────┼─▶ Table: buckets of a tick
//	own clients ──────────────────▶ touched ──────────────────┘        │ due, every half tick
//	                                                                   ▼
//	          the session is closed by a txn  ◀── still due? ◀── pipeline, a few at a time
//
// A client that takes its session up on another server is told which of its writes took effect last, and that none comes after it. So what
// its old stream may still bring is refused: as moved, when the client has attached elsewhere in this reign; and before anybody has
// attached, since a new leader does not know where the client is. Each stream attaches again in each reign, at its next write at the latest.
//
// A session expires within (timeout, timeout + tick] after the leader last heard of it. A new reign begins with the whole
// timeout for each (ZooKeeper: SessionTrackerImpl, ExpiryQueue).
//
// Who was not there to hear must not judge. While a reign is new, and after this process has stood still for more than a
// tick, nothing expires until every learner has answered a round of pings that was begun afterwards, and
// so has told which of its sessions were touched; the time that it stood still counts for nobody. Expiry is a
// proposal: a touch that comes before it is sequenced still saves the session.
package lease
