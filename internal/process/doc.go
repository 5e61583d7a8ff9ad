// Package process runs the real program as real processes on loopback, for the
// tests that need what a simulation cannot give: SIGKILL, a real disk, a port.
package process
