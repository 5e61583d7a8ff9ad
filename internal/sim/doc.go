// Package sim is a world of servers in simulated time: the real peer, store and
// pipeline code on disks and a network of memory, in one bubble of testing/synctest.
//
//	script, or seed ──▶ World ──▶ Host 1 … Host n: lives of store + peer + pipeline on a disk
//	                      │            │ calls                          │ events
//	                      ▼            ▼                                ▼
//	                   faults ────▶ Network (latency, cuts)           Trace, checkers
//
// The servers' streams are the network's own, which carry messages, or those of production: real gRPC on the
// network's connections, which carry bytes ([GRPC]).
//
// # The same seed gives the same run
//
// Three things make it so, and all are needed. Every number of chance is a hash of the seed
// and of what it is for, so that it does not matter who draws first. Whatever happens by itself
// happens on a grid of instants on which each link, disk and client has a place of its own,
// so that no two of them share one; what the scheduler does with goroutines that are
// ready at once then decides nothing. And a [Trace] orders what one server does on several goroutines in
// one instant by where it stands in the protocol. Over gRPC none of this holds: its goroutines decide too.
//
// One thing is left to the scheduler: into how many groups a log puts what is appended to it in one instant, as when a learner
// that has cut its log finds several proposals waiting. Of a hundred runs of a minute, one has such an instant.
//
// The code under test has its part: no select with two ready cases and no order of a map may
// decide anything that others see, and nobody holds a lock while it waits, since a goroutine that
// waits for a lock makes simulated time stand still.
package sim
