//go:build race

package main

import (
	"os"
	"runtime"
	"testing"
)

// TestMain keeps to one processor under the race detector, for the sake of the verb sim: see internal/sim.
func TestMain(m *testing.M) {
	runtime.GOMAXPROCS(1)
	os.Exit(m.Run())
}
