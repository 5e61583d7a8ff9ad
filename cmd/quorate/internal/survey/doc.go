// Package survey asks several servers, each by itself, how they are, and prints their answers as
// one table.
package survey
