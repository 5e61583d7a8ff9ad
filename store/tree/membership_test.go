package tree_test

import (
	"testing"

	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// TestDigestFollowsTheMembership: a membership that was replaced leaves nothing in the digest,
// which a server that loads a snapshot computes afresh.
func TestDigestFollowsTheMembership(t *testing.T) {
	d := tree.New().Edit()
	for i := range uint32(3) {
		m := txn.Membership{Ensemble: 7, Members: []txn.Member{{ID: 1, Storage: txn.StorageID(i + 1)}}}
		op, err := d.Prepare(&tree.MembershipRequest{Membership: m}, nil, tree.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		d.Apply(&txn.Txn{Header: txn.Header{Zxid: txn.MakeZxid(1, i+1)}, Op: op})
		loader := tree.NewLoader()
		for chunk := range d.Publish().Chunks(1 << 10) {
			if err := loader.Add(chunk); err != nil {
				t.Fatal(err)
			}
		}
		v, err := loader.Finish()
		if err != nil {
			t.Fatalf("membership %d: %v", i+1, err)
		}
		if v.Digest() != d.Digest() {
			t.Errorf("membership %d: digest %016x, loaded %016x", i+1, d.Digest(), v.Digest())
		}
	}
}
