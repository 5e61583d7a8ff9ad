// Package identity tells who a client is, from what it shows: the part of authentication that gRPC's metadata and ZooKeeper's auth
// packets have in common.
package identity
