// Package lock is a lock for programs on several machines, exclusive ([Mutex]) or shared ([RWMutex]).
//
// # What it guarantees
//
// At no version of the tree do two programs hold the same Mutex, nor one a RWMutex for writing while another has it at all. Locks are given
// in the order in which they were asked for. A lock is a node that lives by the session of its holder: when the holder dies, the next
// one gets it after the session's timeout.
//
// # What it does not
//
// No lock service can stop a program that believes it holds a lock: a pause of the program or the network may outlast its session, and
// another one has the lock then. There are two ways to be safe, and a program that changes anything should take one of them:
//
//   - Each holder has a fencing token ([Held.Token]), greater than those of all before it. A resource that
//     refuses a token smaller than one it has seen cannot be harmed by a holder of the past.
//   - [Held.Guard] goes into a Multi: the changes are made only while the lock is held, as the tree itself sees it.
//
// # When contact is lost
//
// While the session is suspended the lock may have been lost already: stop what relies on it, until the session is
// connected again. [Held.Done] is closed when the session has ended, and with it the lock. A Lock that is waiting goes on waiting
// over breaks, and fails with client.ErrSessionExpired when the session ends. A lock that somebody has broken by deleting its node is lost without
// notice: Guard tells.
package lock
