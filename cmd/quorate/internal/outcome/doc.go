// Package outcome says how a command ended: its exit code, and what the user reads
// about an error and what to do next.
package outcome
