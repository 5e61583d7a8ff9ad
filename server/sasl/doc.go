// Package sasl is the server's side of SASL's mechanism DIGEST-MD5 (RFC 2831) with quality of protection auth, as ZooKeeper's clients log in by it. A client's
// first token is empty and answered with a challenge; its second one is the response to that, and is answered with the proof that the server
// knows the password too.
//
// The mechanism is old: MD5 is no longer strong, and a server has to know the passwords. It is here for clients that know no other.
package sasl
