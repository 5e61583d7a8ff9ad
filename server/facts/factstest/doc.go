// Package factstest makes servers to tell of, such as those that ZooKeeper's answers in testdata were taken from: two clients on each, with
// ephemeral nodes and watches.
package factstest
