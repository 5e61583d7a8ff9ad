// Package fault is the closed list of the reasons for which a request is
// refused. A front end maps a [Kind] once to its own protocol (gRPC status,
// ZooKeeper's error numbers) and adds no reason of its own.
//
// The package is pure: no clock, no disk, no network, no locks.
package fault
