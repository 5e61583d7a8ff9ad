// Package quorum decides whether enough servers agree, and how far.
//
// A quorum system is a set of voters of which any two quorums share one. Here it
// is the [Majority]: more than half of the voters. Both of its questions are
// pure functions of what each server has said:
//
//	Reached    has a quorum done it?              (elections, the three rendezvous, Sync)
//	Committed  how far has a quorum made it durable?
//
// Committed is an order statistic over watermarks, one per server, rather than a
// set of acknowledgements per proposal: acknowledgements are cumulative.
//
//	voter 1  ├──────────────▶ 3.9
//	voter 2  ├────────▶       3.5      five voters: three have logged 3.5,
//	voter 3  ├─────▶          3.3      so 3.5 is committed
//	voter 4  ├──────────▶     3.7
//	voter 5  ├▶               3.1
//
// The package is pure: no clock, no disk, no network, no locks.
package quorum
