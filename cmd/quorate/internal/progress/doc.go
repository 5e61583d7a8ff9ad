// Package progress shows how far a long command is: a bar on a terminal, a line
// every few seconds elsewhere.
package progress
