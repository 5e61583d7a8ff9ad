// Package quorum decides whether enough servers agree, and how far.
//
// A quorum [System] is a set of voters and a rule which of them are enough, such
// that any two quorums share a voter. There are two: [Majority], more than half of
// the voters, and [Groups], weighted majorities in a majority of groups. While one
// membership replaces another, both have to agree: [Systems]. Its two questions
// are pure functions of what each server has said:
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
// In groups it is taken twice: in each group over the voters, each as often as
// it weighs, then over the groups.
//
//	┌ voter 1      ├──────────────▶ 3.9
//	│ voter 2      ├────────▶       3.5   3.5 ┐
//	└ voter 3      ├─────▶          3.3       │
//	┌ voter 4      ├──────────▶     3.7       │  two of three groups
//	│ voter 5      ├──────────▶     3.7   3.7 ├  have logged 3.5:
//	└ voter 6      ├▶               3.1       │  it is committed
//	┌ voter 7 × 2  ├▶               3.1   3.1 │
//	└ voter 8      ├──────────────▶ 3.9       ┘
//
// Only voters count: an observer and a server of weight 0 change no answer,
// whatever they acknowledge. Nor can they lead.
//
// The package is pure: no clock, no disk, no network, no locks.
package quorum
