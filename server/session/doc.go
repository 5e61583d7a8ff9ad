// Package session is what a server knows of the sessions whose clients have come to it.
//
//	front ends ──▶ Table ──▶ pipeline      Open: a txn of the quorum. Resume: the leader is asked.
//	                │  ▲
//	    touched ◀───┘  └─── published      which sessions have ended, as soon as that is applied here
//	 (rides on PING)
//
// That a session is open stands in the tree. Who of the servers has its client, and when the
// client was heard last, no disk knows: the leader does (package lease), told by the servers
// that clients talk to. A session is taken up on any server by who shows its secret, of which the tree has the hash; the server
// that had it before is told by the leader, with a refusal of what it still brings along, and on this server the stream that had it before is cut.
//
// With Config.Local new sessions of streams are known to this server alone (local.go), until they are to own a node.
//
// No goroutine and no timer belongs to a session: expiry is the leader's.
package session
