package traffic

import "testing"

// TestKnown holds the quick answer against the table.
func TestKnown(t *testing.T) {
	for op := int32(-200); op < 400; op++ {
		if _, named := names[op]; named != known(op) {
			t.Errorf("operation %d: known is %v", op, known(op))
		}
	}
	for name, ops := range Ops() {
		for _, op := range ops {
			if !known(op) {
				t.Errorf("%s has operation %d, which there is not", name, op)
			}
		}
	}
}
