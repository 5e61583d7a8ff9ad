// Package compat holds Quorate against ZooKeeper itself: what clients send to the one they can send to the other, and
// are answered the same.
//
//   - testdata/recorded are scripts with ZooKeeper 3.8's replies (the language: package script). They are played against Quorate in
//     every run of the tests, and against ZooKeeper where it is installed, so that they stay true.
//     `go test ./internal/compat -run Recorded -rewrite` records them anew.
//   - testdata/differences are the scripts where Quorate does otherwise on purpose, each with the reason and both replies.
//   - Scripts by chance are played against both where ZooKeeper is installed; `make compat` plays more of them.
//   - Clients as people use them, Go's and ZooKeeper's own zkCli, work with three servers.
//
// Debian's packages zookeeper and default-jre-headless are all that is needed; without them the tests that need them say so.
package compat
