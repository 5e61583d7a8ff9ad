package store

import (
	"slices"
	"testing"

	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/wal"
)

// history notes what a store says it publishes, as a listener would follow it.
type history struct {
	zxid  txn.Zxid
	paths []string
	jumps int
}

func (h *history) published(p Publication) {
	h.zxid = p.Version.Zxid()
	if p.Jump {
		h.jumps++
		h.paths = nil
	}
	for _, c := range p.Changes {
		for _, e := range c.Effects {
			h.paths = append(h.paths, e.Kind.String()+" "+e.Path)
		}
	}
}

// Whoever follows what is published has each change once, in order, also over a restart: what recovery replays is told again
// after the snapshot it begins with.
func TestEachVersionIsPublishedWithItsChanges(t *testing.T) {
	var h history
	cfg := config(emptyDisk(t))
	cfg.Published = h.published
	s := openStore(t, cfg)
	stop := running(t, s)
	d := drive(t, s, 1)
	const txns = 50
	for range txns {
		z := d.next()
		out, err := s.Version().Edit().ApplyChecked(z)
		must(t, err)
		must(t, d.Append(t.Context(), []wal.Record{{Zxid: z.Zxid, Payload: z.Append(nil)}}))
		must(t, d.Sync(t.Context()))
		v := d.tip.Publish()
		s.Publish(v, AddChange(nil, z.Zxid, &out), 1)
		d.committed = v.Zxid()
	}
	if h.zxid != s.Version().Zxid() || len(h.paths) != txns || h.jumps != 1 {
		t.Fatalf("told up to %v, %d changes, %d jumps", h.zxid, len(h.paths), h.jumps)
	}
	before := h
	stop()
	h = history{}
	s = openStore(t, cfg)
	// The last txn has nothing after it that would vouch for it.
	if h.jumps != 1 || h.zxid != s.Version().Zxid() || !slices.Equal(h.paths, before.paths[:len(h.paths)]) || len(h.paths) < txns-2 {
		t.Fatalf("after the restart told up to %v of %v, %d changes, %d jumps", h.zxid, s.Version().Zxid(), len(h.paths), h.jumps)
	}
}

// A change that left nodes alone is no change to who watches.
func TestChangesWithoutEffectsAreLeftOut(t *testing.T) {
	if c := AddChange(nil, 1, &tree.Outcome{}); c != nil {
		t.Error(c)
	}
	if c := AddChange(nil, 1, &tree.Outcome{Effects: make([]tree.Effect, 1)}); len(c) != 1 || c[0].Zxid != 1 {
		t.Error(c)
	}
	if c := AddChange(nil, 1, &tree.Outcome{Closed: 5}); len(c) != 1 || c[0].Closed != 5 {
		t.Error(c)
	}
}
