package peer

import (
	"testing"
)

// TestAcksBeginAtTheWholeLog: what a leader holds when it is established is committed
// before anybody has acknowledged anything in its reign, and stays so (P3).
func TestAcksBeginAtTheWholeLog(t *testing.T) {
	a := newAcks(1, 9, voters(1, 2, 3), 5, &beacon{})
	if c, z := a.committed(), a.applicable(); c != 5 || z != 5 {
		t.Errorf("committed %v, applicable %v; want 5", c, z)
	}
	a.set(1, 9, 9) // the marks are 9, 0 and 0 now
	a.set(2, 9, 2)
	if c := a.committed(); c != 5 {
		t.Errorf("committed went back to %v", c)
	}
}

// TestAcksAreCumulative: an acknowledgement that comes late takes nothing back.
func TestAcksAreCumulative(t *testing.T) {
	a := newAcks(1, 9, voters(1, 2, 3), 5, &beacon{})
	a.set(1, 9, 9)
	a.set(1, 9, 7)
	a.set(2, 9, 9)
	if c, z := a.committed(), a.applicable(); c != 9 || z != 9 {
		t.Errorf("committed %v, applicable %v; want 9", c, z)
	}
}
