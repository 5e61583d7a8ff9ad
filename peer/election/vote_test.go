package election

import (
	"testing"

	"github.com/quorate/quorate/store/txn"
)

// TestVoteOrder (FLEPredicateTest): epoch before zxid before id.
func TestVoteOrder(t *testing.T) {
	z := txn.MakeZxid
	for _, tt := range []struct {
		name        string
		better, not Vote
	}{
		{"anybody beats nobody", Vote{Leader: 1}, Vote{}},
		{"the greater id", Vote{Leader: 3}, Vote{Leader: 2}},
		{"the greater zxid, whatever the id", Vote{Leader: 1, Epoch: 2, Zxid: z(2, 8)}, Vote{Leader: 3, Epoch: 2, Zxid: z(2, 7)}},
		{"the greater epoch, whatever the zxid", Vote{Leader: 1, Epoch: 3, Zxid: z(2, 1)}, Vote{Leader: 3, Epoch: 2, Zxid: z(2, 9)}},
		{"current epoch, not that of the last zxid (P9)", Vote{Leader: 1, Epoch: 3, Zxid: z(2, 1)}, Vote{Leader: 3, Epoch: 2, Zxid: z(3, 1)}},
		{"zxid as a number across epochs", Vote{Leader: 1, Epoch: 3, Zxid: z(3, 0)}, Vote{Leader: 3, Epoch: 3, Zxid: z(2, 0xefff_ffff)}},
		{"the greatest zxid is not negative", Vote{Leader: 1, Epoch: 1, Zxid: z(txn.MaxEpoch, 1)}, Vote{Leader: 3, Epoch: 1, Zxid: z(1, 1)}},
	} {
		if !tt.better.Beats(tt.not) {
			t.Errorf("%s: %v does not beat %v", tt.name, tt.better, tt.not)
		}
		if tt.not.Beats(tt.better) {
			t.Errorf("%s: %v beats %v", tt.name, tt.not, tt.better)
		}
	}
}

// TestVoteOrderIsTotal: of two votes for different servers exactly one beats the other, none
// beats itself, and the disk has no say.
func TestVoteOrderIsTotal(t *testing.T) {
	var all []Vote
	for id := range txn.ServerID(3) {
		for e := range txn.Epoch(3) {
			for c := range uint32(3) {
				all = append(all, Vote{Leader: id + 1, Epoch: e, Zxid: txn.MakeZxid(1, c), Storage: disk(id)})
			}
		}
	}
	for _, v := range all {
		other := v
		other.Storage++
		if v.Beats(v) || v.Beats(other) || other.Beats(v) {
			t.Errorf("%v beats itself", v)
		}
		for _, w := range all {
			if v != w && v.Beats(w) == w.Beats(v) {
				t.Errorf("%v and %v have no order", v, w)
			}
			for _, x := range all {
				if v.Beats(w) && w.Beats(x) && !v.Beats(x) {
					t.Errorf("%v, %v, %v go round in a circle", v, w, x)
				}
			}
		}
	}
}
