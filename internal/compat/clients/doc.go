// Package clients holds tests in which clients of ZooKeeper in other languages, as they are, work with Quorate: commands, recipes, and what
// they go through when servers are killed or stand still. What is not installed is skipped.
//
// The programs in testdata check for themselves what they see. They say on their standard output what is to be done to the servers (see
// orders in the tests), and end with 0 if all was well.
package clients
