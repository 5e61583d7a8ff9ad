package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// feeding is a feed over a real log, and all that ever went in: the model.
type feeding struct {
	t     *testing.T
	rng   *rand.Rand
	store *store.Store
	feed  *feed
	past  *annals
	n     int // nodes there have been
	stop  func()
}

const feedLimit = 4 << 10

// newFeeding has a log of some records that were there before the feed.
func newFeeding(t *testing.T, seed uint64) *feeding {
	t.Helper()
	st, err := store.Open(t.Context(), store.Config{FS: vfs.NewMem(), Dir: "/data", Server: 1, SegmentSize: small, Reserve: -1, Random: rand.Uint64})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = st.Run(ctx) })
	f := &feeding{t: t, rng: rand.New(rand.NewPCG(seed, 3)), store: st, past: newAnnals(t)}
	f.stop = func() { cancel(); running.Wait(); _ = st.Close() }
	for range f.rng.IntN(40) {
		f.logs(f.batch())
	}
	f.durable()
	f.feed = newFeed(st, feedLimit, &beacon{})
	return f
}

// batch makes some records, in the epoch of the moment.
func (f *feeding) batch() []wal.Record {
	before := len(f.past.recs)
	epoch := txn.Epoch(1 + f.n/50)
	for range 1 + f.rng.IntN(4) {
		r := &tree.CreateRequest{Path: fmt.Sprintf("/%04d", f.n), ACL: tree.OpenACL(), Data: make([]byte, f.rng.IntN(1500))}
		if f.n++; f.rng.IntN(20) == 0 {
			r.Data = make([]byte, 2*feedLimit)
		}
		f.past.does(epoch, r)
		if f.rng.IntN(3) > 0 { // the tree must not grow for ever
			f.past.does(epoch, &tree.DeleteRequest{Path: r.Path, Version: -1})
		}
	}
	return f.past.recs[before:]
}

func (f *feeding) logs(recs []wal.Record) {
	f.t.Helper()
	if err := f.store.Append(f.t.Context(), recs); err != nil {
		f.t.Fatal(err)
	}
}

func (f *feeding) durable() {
	f.t.Helper()
	if err := f.store.Sync(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
}

// purges makes two snapshots of what there is, and so lets the log go as far as it may.
func (f *feeding) purges() {
	f.t.Helper()
	f.durable()
	for range 2 {
		if v := f.past.tree(); f.store.Version().Zxid() < v.Zxid() {
			f.store.Publish(v, nil, 0)
		}
		if _, err := f.store.Snapshot(f.t.Context()); err != nil {
			f.t.Fatal(err)
		}
		f.adds()
		f.durable()
	}
	synctest.Wait()
}

func (f *feeding) adds() {
	recs := f.batch()
	f.logs(recs)
	f.feed.append(recs)
}

// after is what follows a zxid.
func (f *feeding) after(z txn.Zxid) []wal.Record { return f.past.after(z) }

// place is some zxid of the log, its base among them.
func (f *feeding) place() txn.Zxid {
	all := f.after(f.store.Base())
	n := f.rng.IntN(len(all) + 1)
	if n == 0 {
		return f.store.Base()
	}
	return all[n-1].Zxid
}

// TestFeedAgainstAModel lets cursors at all places follow a log that grows, is trimmed and purged.
func TestFeedAgainstAModel(t *testing.T) {
	for seed := range uint64(12) {
		synctest.Test(t, func(t *testing.T) {
			f := newFeeding(t, seed)
			defer f.stop()
			cursors := map[int]*cursor{}
			for step := range 400 {
				switch f.rng.IntN(12) {
				case 0, 1:
					f.adds()
				case 2:
					f.durable()
				case 3:
					if f.rng.IntN(6) == 0 {
						f.purges()
					}
				case 4:
					f.subscribes(cursors, step)
				case 5:
					for n, c := range cursors {
						if n%7 == step%7 {
							f.must(c.close())
							delete(cursors, n)
						}
					}
				default:
					for n, c := range cursors {
						if !f.reads(c) {
							delete(cursors, n)
						}
					}
				}
				f.checkWindow()
				f.checkFloor()
			}
			for _, c := range cursors {
				f.must(c.close())
			}
			f.checkNothingPinned()
		})
	}
}

func (f *feeding) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// subscribes puts a cursor somewhere.
func (f *feeding) subscribes(cursors map[int]*cursor, n int) {
	f.t.Helper()
	at := f.place()
	c, err := f.feed.cursor(at)
	f.must(err)
	cursors[n] = c
	if z := f.feed.last(); z != f.past.last() {
		f.t.Fatalf("the feed ends at %v, the log at %v", z, f.past.last())
	}
	if _, inWindow := f.feed.since(at, at, 0); inWindow != (c.reader == nil) {
		f.t.Fatalf("at %v, in the window: %v, it reads files: %v", at, inWindow, c.reader != nil)
	}
}

// reads takes the next records and holds them against the model; false if there are no more for it.
func (f *feeding) reads(c *cursor) bool {
	f.t.Helper()
	at, size, limit := c.at, f.rng.IntN(3*feedLimit), ^txn.Zxid(0)
	if f.rng.IntN(4) == 0 {
		limit = f.place()
	}
	recs, err := c.next(limit, size)
	if errors.Is(err, wal.ErrCompacted) {
		if at >= f.store.Base() {
			f.t.Fatalf("compacted at %v, the log begins after %v", at, f.store.Base())
		}
		return false
	}
	f.must(err)
	want := f.after(at)
	if len(recs) > len(want) {
		f.t.Fatalf("%d records after %v, there are %d", len(recs), at, len(want))
	}
	sum := 0
	for i, r := range recs {
		if r.Zxid != want[i].Zxid || !bytes.Equal(r.Payload, want[i].Payload) {
			f.t.Fatalf("record %d after %v is %v, want %v", i, at, r.Zxid, want[i].Zxid)
		}
		sum += len(r.Payload)
	}
	switch more := len(want) > len(recs) && want[len(recs)].Zxid <= limit; {
	case len(recs) > 0 && recs[len(recs)-1].Zxid > limit:
		f.t.Fatalf("%v is beyond %v", recs[len(recs)-1].Zxid, limit)
	case len(recs) > 1 && sum > size:
		f.t.Fatalf("%d bytes in %d records, the bound is %d", sum, len(recs), size)
	case len(recs) == 0 && more:
		f.t.Fatalf("nothing after %v up to %v, there is %v", at, limit, want[0].Zxid)
	case more && c.reader == nil && sum+len(want[len(recs)].Payload) <= size:
		f.t.Fatalf("%d bytes of %d, and there is more", sum, size)
	}
	if len(recs) > 0 && c.at != recs[len(recs)-1].Zxid || len(recs) == 0 && c.at != at {
		f.t.Fatalf("the cursor is at %v after %d records from %v", c.at, len(recs), at)
	}
	return true
}

// checkWindow: it is bounded, and holds what is not durable.
func (f *feeding) checkWindow() {
	f.t.Helper()
	f.feed.mu.Lock()
	defer f.feed.mu.Unlock()
	w := f.feed.mu.window
	sum := int64(0)
	for _, r := range w {
		sum += int64(len(r.Payload))
	}
	if sum != f.feed.mu.bytes {
		f.t.Fatalf("%d bytes, counted as %d", sum, f.feed.mu.bytes)
	}
	if want := f.after(f.feed.mu.base); len(w) != len(want) {
		f.t.Fatalf("%d records in the window, %d follow its base", len(w), len(want))
	}
	if f.feed.mu.base > f.store.Durable() {
		f.t.Fatalf("the window begins after %v, durable is %v", f.feed.mu.base, f.store.Durable())
	}
}

// checkFloor: of a place that is there, of one between, of one beyond.
func (f *feeding) checkFloor() {
	f.t.Helper()
	at := f.place()
	for _, z := range []txn.Zxid{at, at + 1, txn.MakeZxid(at.Epoch(), txn.MaxCounter)} {
		want := at
		for _, r := range f.after(at) {
			if r.Zxid <= z {
				want = r.Zxid
			}
		}
		if got, err := f.feed.floor(z); err != nil || got != want {
			f.t.Fatalf("the floor of %v is %v, %v; want %v", z, got, err, want)
		}
	}
	if base := f.store.Base(); base > 0 {
		if _, err := f.feed.floor(base - 1); !errors.Is(err, wal.ErrCompacted) && f.feed.mu.base >= base {
			f.t.Fatalf("the floor of %v: %v, and the log begins after %v", base-1, err, base)
		}
	}
}

// checkNothingPinned: the log can be purged when the cursors are closed.
func (f *feeding) checkNothingPinned() {
	f.t.Helper()
	f.purges()
	f.purges()
	f.purges()
	if held := f.after(f.store.Base()); len(held) > 200 {
		f.t.Errorf("%d records are left in the log", len(held))
	}
}

// TestFeedForgetsWhatIsDurable, down to its limit, and nothing else.
func TestFeedForgetsWhatIsDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStallingDisk()
		c, followers := reign(t, premise{fs: d, limits: Limits{Feed: 1 << 10}}, 2)
		defer c.rises()
		d.stall()
		for i := range 50 {
			c.creates(fmt.Sprintf("/%0100d", i))
		}
		f := c.lead.feed
		if f.mu.bytes <= f.limit || f.mu.base > c.store.Durable() {
			t.Fatalf("%d bytes in the window after %v, durable is %v", f.mu.bytes, f.mu.base, c.store.Durable())
		}
		if got := followers[0].has().last; got != c.store.Last() {
			t.Errorf("the follower has %v, the log ends at %v, not durable", got, c.store.Last())
		}
		d.goOn()
		restInBubble()
		c.creates("/b")
		if f.mu.bytes > f.limit+1<<9 {
			t.Errorf("%d bytes in the window", f.mu.bytes)
		}
	})
}

// TestCursorPinsTheLog from where it is, until it has come to the window.
func TestCursorPinsTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFeeding(t, 1)
		defer f.stop()
		at := f.store.Base()
		for range 100 {
			f.adds()
			f.durable()
		}
		c, err := f.feed.cursor(at)
		f.must(err)
		f.purges()
		f.purges()
		if f.store.Base() > at {
			t.Fatalf("the log begins after %v, a cursor is at %v", f.store.Base(), at)
		}
		for c.at < f.past.last() {
			if _, err := c.next(^txn.Zxid(0), feedLimit); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.next(^txn.Zxid(0), feedLimit); err != nil || c.reader != nil {
			t.Fatalf("it has come to the window, and reads files: %v, %v", c.reader != nil, err)
		}
		f.purges()
		f.purges()
		if f.store.Base() == at {
			t.Error("the log is kept for nobody")
		}
		f.must(c.close())
	})
}

// TestCursorLeftBehind: one without a pin is told when what follows has been purged, and so is its learner.
func TestCursorLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFeeding(t, 2)
		defer f.stop()
		f.adds()
		f.durable()
		c, err := f.feed.cursor(f.feed.last())
		f.must(err)
		for range 100 {
			f.adds()
			f.durable()
		}
		f.purges()
		f.purges()
		_, err = c.next(^txn.Zxid(0), feedLimit)
		var r *Rejection
		if !errors.Is(err, wal.ErrCompacted) || !errors.As(compacted(err), &r) || r.Reason != refusedCompacted {
			t.Errorf("got %v, for the learner %v", err, compacted(err))
		}
		f.must(c.close())
		if _, err := f.feed.cursor(0); !errors.Is(err, wal.ErrCompacted) {
			t.Errorf("another one: %v", err)
		}
	})
}

// TestFeedLightsItsBeacon when records come.
func TestFeedLightsItsBeacon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFeeding(t, 3)
		defer f.stop()
		lit := f.feed.news.wait()
		f.adds()
		if !closed(lit) {
			t.Error("not lit")
		}
	})
}
