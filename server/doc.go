// Package server is a server as one thing: it opens the store, puts peer and
// pipeline on it, and serves clients over gRPC and over ZooKeeper's protocol.
//
//	clients ──▶ listener ──▶ door ─┬─▶ gRPC ──▶ chain ──▶ api.Keeper ─┬─▶ pipeline ──▶ peer ──▶ store
//	            bounded            │            metrics   admin.Admin │      │         ▲ │       ▲ │
//	                               │            log       health, …   │      └─ reads: version ──┘ │ published
//	                               │            recovery              └─▶ session, watch ◀─────────┘
//	                               │            auth, rate            │                │ │
//	                               ├─▶ zkwire ────────────────────────┘                │ │
//	                               └─▶ words                                           │ │
//	other servers ──▶ peer port ──▶ peer.Transport ──▶ tracker ────────────────────────┘ │
//	            ◀──────────────────────────────────────◀─────────────────────────────────┘
//
// [New] does all that can be refused: a directory in use, a port in use, a log
// that is damaged. It starts nothing. [Node.Run] runs the parts, each in a
// goroutine that it waits for, and stops them in the reverse order, so that what
// a part stands on is there for as long as the part is.
package server
