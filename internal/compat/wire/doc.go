// Package wire is a raw client of ZooKeeper's protocol for tests: frames on a connection, and the
// few types that bodies are made of. It can write what no honest client would.
//
// It shares no code with the server's codec, so that a mistake is not made twice and then found correct.
package wire
