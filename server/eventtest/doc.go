// Package eventtest has an example of each event between servers, for tests that every one is
// listened to. A test here holds the examples against the source of package peer.
package eventtest
