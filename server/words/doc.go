// Package words answers ZooKeeper's four-letter words: one table, in table.go, says which there are and what writes the answer; what is told
// comes from server/facts.
package words
