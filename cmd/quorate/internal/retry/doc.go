// Package retry repeats what failed because a server was away, for a bounded time.
package retry
