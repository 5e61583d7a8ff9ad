package store

import (
	"fmt"
	"testing"

	"github.com/quorate/quorate/store/txn"
)

// TestTailMayBeKept: a leader holds a tail's txns longer than the log's reader holds its buffer.
func TestTailMayBeKept(t *testing.T) {
	s := openStore(t, config(emptyDisk(t)))
	stop := running(t, s)
	d := drive(t, s, 1)
	d.size = 4000
	must(t, d.propose(60)) // some segments
	must(t, s.Sync(t.Context()))
	var kept []*txn.Txn
	for x, err := range s.Tail() {
		must(t, err)
		kept = append(kept, x)
	}
	if len(kept) != 60 {
		t.Fatalf("%d txns in the tail", len(kept))
	}
	for _, x := range kept {
		var data []byte
		switch op := x.Op.(type) {
		case *txn.Create:
			data = op.Data
		case *txn.SetData:
			data = op.Data
		}
		if want := fmt.Sprintf("%0*d", d.size, x.Zxid); string(data) != want {
			t.Fatalf("the txn %s was overwritten", x.Zxid)
		}
	}
	stop()
}
