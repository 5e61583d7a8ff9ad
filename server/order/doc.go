// Package order keeps the requests of one stream in their order, as ZooKeeper promises it to a session: each is answered after those before
// it, writes follow writes without waiting, and whatever else begins when nothing is ahead of it.
package order
