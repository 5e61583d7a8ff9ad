//go:build race

package sim

import (
	"os"
	"runtime"
	"testing"
)

// TestMain keeps to one processor under the race detector. Go 1.26 has one detector context for all timers of a
// synctest bubble, and a timer that expires unseen is run by whoever looks at it next: two who look at
// the same time, on two processors, ruin the context, and the program crashes in the detector. What happens before what
// is followed on one processor as well.
func TestMain(m *testing.M) {
	runtime.GOMAXPROCS(1)
	os.Exit(m.Run())
}
