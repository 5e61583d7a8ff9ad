package watch

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// Issue: a watch takes 200 bytes at the most, its path included.
func TestWatchesAreSmall(t *testing.T) {
	const watches, limit = 200_000, 200
	for _, tc := range []struct {
		name     string
		watchers int
		path     func(i int) string
	}{
		{"one watcher, each path its own", 1, func(i int) string { return fmt.Sprintf("/service/node-%08d", i) }},
		{"1,000 watchers, each path its own", 1000, func(i int) string { return fmt.Sprintf("/service/node-%08d", i) }},
		{"1,000 watchers on 200 paths", 1000, func(i int) string { return fmt.Sprintf("/service/node-%08d", i/1000) }},
		{"two watchers on each path", 2, func(i int) string { return fmt.Sprintf("/service/node-%08d", i/2) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newStage(t, Config{})
			all := make([]*Watcher, tc.watchers)
			for i := range all {
				all[i] = s.NewWatcher(func(Event) {}, func() tree.Caller { return nil }, func(error) {})
			}
			before := live()
			for i := range watches {
				if err := all[i%tc.watchers].Add(tc.path(i), Data, 0, func(txn.Zxid) {}); err != nil {
					t.Fatal(err)
				}
			}
			each := float64(live()-before) / watches
			t.Logf("%.0f bytes a watch", each)
			if each > limit {
				t.Errorf("%.0f bytes a watch, %d are allowed", each, limit)
			}
			if n := s.Stats().Watches; n != watches {
				t.Errorf("%d watches", n)
			}
			for _, w := range all {
				w.Close()
			}
			if st := s.Stats(); st.Watches != 0 || st.Paths != 0 || st.Watchers != 0 {
				t.Errorf("left %+v", st)
			}
		})
	}
}

// live returns the bytes that are reachable.
func live() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// The history keeps no more memory alive than it counts, and not much less either.
func TestHistoryCountsWhatItHolds(t *testing.T) {
	for _, size := range []int{0, 100, 2000} {
		const limit = 16 << 20
		s := newStage(t, Config{History: limit})
		s.do(create("/service"), create("/service/node-00000001"))
		before := live()
		for s.Stats().Base == 0 { // until it is full
			p := s.prepare(&txn.SetData{Path: "/service/node-00000001", Data: make([]byte, size)})
			s.all = nil
			s.Published(p)
		}
		held := float64(live()-before) / limit
		t.Logf("%d bytes of data: holds %.2f of what it counts", size, held)
		if held > 1.05 || held < 0.7 {
			t.Errorf("%d bytes of data: holds %.2f of what it counts", size, held)
		}
		runtime.KeepAlive(s)
	}
}

// Everything at once: for the race detector, and for the counts at the end.
func TestConcurrently(t *testing.T) {
	s := newStage(t, Config{History: 100_000})
	var told [4]int
	var users sync.WaitGroup
	stop := make(chan struct{})
	for i := range told {
		users.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 1))
			w := s.NewWatcher(func(Event) { told[i]++ }, func() tree.Caller { return nil }, func(error) {})
			defer func() { w.Close() }()
			for !over(stop) {
				use(t, s, rng, w)
				if rng.IntN(50) == 0 {
					w.Close()
					w = s.NewWatcher(func(Event) { told[i]++ }, func() tree.Caller { return nil }, func(error) {})
				}
			}
		})
		users.Go(func() { followAlong(t, s, stop) })
	}
	rng := rand.New(rand.NewPCG(9, 9))
	for n := 0; n < 1500 || s.Stats().Events == 0; n++ { // however late the others begin
		s.do(randomOps(rng, s)...)
	}
	close(stop)
	users.Wait()
	if st := s.Stats(); st.Watches != 0 || st.Paths != 0 || st.Watchers != 0 || st.Cursors != 0 {
		t.Errorf("left %+v", st)
	}
}

func over(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

// use does something with a watcher. Refusals of the past are fine.
func use(t *testing.T, s *stage, rng *rand.Rand, w *Watcher) {
	path, m := randomPath(rng), Mode(1<<rng.IntN(5))
	switch rng.IntN(5) {
	case 0:
		if err := w.Add(path, m, 0, func(txn.Zxid) {}); err != nil {
			t.Error(err)
		}
	case 1:
		w.Read(func(v *tree.Version, add func(string, Mode)) { add(path, m) })
	case 2:
		w.Remove(path, m)
	case 3:
		_ = w.Add(path, m, max(1, s.Version().Zxid()-txn.Zxid(rng.IntN(500))), func(txn.Zxid) {})
	case 4:
		s.Stats()
	}
}

// followAlong follows the whole tree until it is stopped, beginning anew when it was too slow. It fails on a change that is missing.
func followAlong(t *testing.T, s *stage, stop <-chan struct{}) {
	var c *Cursor
	defer func() {
		if c != nil { // it may be over before it has begun
			c.Close()
		}
	}()
	for begin := true; !over(stop); {
		if begin {
			if c != nil {
				c.Close()
			}
			var err error
			if c, _, err = s.Follow("/", true, 0); err != nil {
				t.Error(err)
				return
			}
		}
		p, err := c.Next()
		begin = err != nil
		last := txn.Zxid(0)
		for _, f := range p.Found {
			if f.Zxid < last || f.Zxid > p.Zxid {
				t.Errorf("told of %v after %v, in a page up to %v", f.Zxid, last, p.Zxid)
			}
			last = f.Zxid
		}
	}
}

// Effects on what nobody watches, beside 100,000 watches.
func BenchmarkNobodyWatches(b *testing.B) {
	for _, deep := range []bool{false, true} {
		b.Run(fmt.Sprintf("recursive %v", deep), func(b *testing.B) {
			h := New(Config{})
			w := h.NewWatcher(func(Event) {}, func() tree.Caller { return nil }, func(error) {})
			for i := range 100_000 {
				if err := w.Add(fmt.Sprintf("/service/node-%08d", i), Data, 0, func(txn.Zxid) {}); err != nil {
					b.Fatal(err)
				}
			}
			if deep {
				if err := w.Add("/elsewhere", PersistentRecursive, 0, func(txn.Zxid) {}); err != nil {
					b.Fatal(err)
				}
			}
			c := change(1, 0)
			c.Effects[0].Kind, c.Effects[0].Path = tree.DataChanged, "/other/place/of/a/node"
			for b.Loop() {
				h.happened(1, &c.Effects[0], nil)
			}
		})
	}
}
