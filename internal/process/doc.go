// Package process runs the real program as real processes on loopback, for the
// tests that need what a simulation cannot give: SIGKILL, SIGSTOP, a real disk, a port.
//
// Its tests are short in `go test`, and still hold what must never happen. With more time they
// measure: `make failover`, `make syncspeed` and `make chaos`.
package process
