// Package zkwire serves ZooKeeper's own clients: the protocol that they have spoken since 3.4, up to that of 3.9, on the
// port on which gRPC is served too.
//
// A connection begins with a handshake ([Server.Serve]) in which the client opens a session or comes back with one. From then
// on it has two goroutines: one reads frames, the other carries them out, in their order, and writes replies and events.
//
//	client ──▶ listen ──▶ calls ──▶ run ──▶ pipeline ─ ─▶ finished ─┐
//	                                 │ ◀────────────────────────────┘
//	client ◀──────────── run ◀── out ┤
//	                                 └── events, as the hub delivers them
//
// What ZooKeeper's clients rely on, and where it is kept:
//
//   - replies come in the order of the requests: a read begins when the requests before it are answered, writes follow
//     writes without waiting (order.go);
//   - the event of a watch comes before the reply that shows what it tells of, and after the reply that left the watch
//     (view in read.go);
//   - what a client has seen it sees again, also on another server: one that has seen more than this server has applied is
//     not let in (handshake.go);
//   - a session lives as long as its client is heard of, on whatever server (server/session, server/lease).
//
// When this server loses its leader, all connections end, as in ZooKeeper: their clients look for another server and bring
// their sessions along.
//
// The layout of bytes is that of ZooKeeper's jute: integers big-endian, strings and buffers with their length before them, -1 for null.
package zkwire
