// Package script is a small language for what clients of ZooKeeper send, and for what they are answered: tests are
// written in it, and recorded.
//
//	# Comments and empty lines are kept.
//	a open
//	  a connected timeout=10000 session=#1 password=16 ro=false
//	a create /x data open 0
//	  a 1 z1 ok "/x"
//	b getData /x true
//	  b 1 z1 ok "data" {…}
//
// A line begins with the name of a connection; what it is answered follows, indented. [Run] plays a script against a server and returns
// both, so that a recorded script is a script. Replies are shown whole: bytes that differ give another text, but for what no two
// servers can have in common. A zxid is shown as the greatest one known that is not above it (z1, z2 … are those of the changes
// that succeeded, in order), a session id as the number of its session, a time and a password as such; names of children and identities are in order; and an event's
// header has a zxid since 3.9 only, which is left out.
//
// The lines:
//
//	a open [timeout=MS] [session=#N] [password=wrong|short|null|zero|empty|derived] [zxid=Z] [ro=true|none] [version=N] [at=SERVER]
//	a connect                 a connection that says nothing yet
//	a create /x data open 0   any request by its name, its fields in ZooKeeper's order; see ops.go
//	a op 99 s:/x i:7          a request by its number
//	a + REQUEST               is sent with the next request, in one write
//	a alone REQUEST           shows nothing of the other connections: what comes of it comes when it comes
//	a frame i:1 x:ff          a frame without a request's header
//	a bytes x:ff              bytes without a frame's length
//	a hangup                  closes the connection
//	a await                   waits for what comes next
//	a end                     waits until the server closes the connection
//	a offsets                 shows from now on by how much the zxid of a reply is greater than that of the one before
//	a eventzxids              shows from now on whether the header of an event has a zxid (1) or none (-1)
//
// Fields: strings and buffers as they are or quoted as in Go, null, len(-7) for a length alone, or long(1000) for so many bytes; vectors as [a,b]; ACLs as
// [cdrwa:world:anyone,r:ip:10.0.0.0/8], or open; zxids as z1 too, or z%50 for the one half way to the last, and sessions as #1. A field may be written with its type in
// front, which ends the request's own fields: i: 32 bits, l: 64 bits, z: a boolean, s: a string, b: a buffer, a: ACLs, S: strings, x:
// bytes in hex. Fewer fields than a request has, or more, are sent so. xid=N in front of a request sets its xid.
//
// After each line every connection that has a session asks for something that needs no answer worth showing, and what comes
// before that answer is shown: so an event, or a reply that nobody expected, is shown with the line that caused it.
package script
