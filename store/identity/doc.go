// Package identity says whose data directory this is: which server's, which
// ensemble's, and under which storage identity it has acknowledged what it holds.
//
// A voter is the pair of its server id and its storage identity (DESIGN P6): a
// directory that can no longer vouch for what it acknowledged draws a new
// identity, and counts in nothing until the leader has readmitted it.
//
// The file is small, checksummed text, replaced atomically: a temporary file is
// written and synced, renamed, and the directory synced.
package identity
