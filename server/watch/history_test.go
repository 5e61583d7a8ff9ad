package watch

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// change is a change of about so many bytes.
func change(z txn.Zxid, bytes int) store.Change {
	return store.Change{Zxid: z, Effects: []tree.Effect{{Kind: tree.Deleted, Path: string(make([]byte, bytes))}}}
}

// The ring against a slice that keeps everything.
func TestHistoryAgainstModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	h := history{limit: 20_000}
	var all []store.Change
	base, first, z := txn.Zxid(0), 0, txn.Zxid(0)
	for range 20_000 {
		if rng.IntN(4000) == 0 {
			z += 5
			h.restart(z)
			base, first = z, len(all)
		}
		z += txn.Zxid(1 + rng.IntN(3)) // txns without effects are not here
		c := change(z, rng.IntN(300))
		if rng.IntN(500) == 0 {
			c = change(z, 30_000)
		}
		all = append(all, c)
		h.add(c)
		for kept := sum(all[first:]); kept > h.limit && first < len(all)-1; first++ {
			kept -= sizeOf(&all[first])
			base = all[first].Zxid
		}
		if h.length != len(all)-first || h.base != base || h.bytes != sum(all[first:]) || h.end() != uint64(len(all)) {
			t.Fatalf("holds %d changes, %d bytes after %v; want %d, %d after %v", h.length, h.bytes, h.base, len(all)-first, sum(all[first:]), base)
		}
		after := txn.Zxid(rng.IntN(int(z) + 2))
		from, known := h.after(after)
		if known != (after >= base) {
			t.Fatalf("what happened after %v is known: %v, though the history begins after %v", after, known, base)
		}
		if !known {
			continue
		}
		want := slices.IndexFunc(all[first:], func(c store.Change) bool { return c.Zxid > after })
		if want < 0 {
			want = len(all) - first
		}
		if from != uint64(first+want) {
			t.Fatalf("after %v comes number %d, want %d", after, from, first+want)
		}
		room := rng.IntN(50)
		got := h.copyTo(make([]store.Change, 0, room), from, 1<<40)
		if n := min(room, len(all)-int(from)); len(got) != n || n > 0 && got[n-1].Zxid != all[int(from)+n-1].Zxid {
			t.Fatalf("copied %d changes, want %d", len(got), n)
		}
	}
	if len(h.chunks) > 3 {
		t.Errorf("%d chunks for %d changes", len(h.chunks), h.length)
	}
}

func sum(all []store.Change) (bytes int64) {
	for i := range all {
		bytes += sizeOf(&all[i])
	}
	return bytes
}

func TestPagesAreBoundedInBytes(t *testing.T) {
	h := history{limit: 1 << 30}
	for z := range 10 {
		h.add(change(txn.Zxid(z+1), 1000))
	}
	buf := make([]store.Change, 0, 10)
	if n := len(h.copyTo(buf, 0, 1)); n != 1 {
		t.Errorf("%d changes; one is always there", n)
	}
	if n := len(h.copyTo(buf, 0, 3*(1000+changeBytes))); n != 3 {
		t.Errorf("%d changes, want 3", n)
	}
}

// The estimate of what a change keeps alive counts data, and is not below what a small change takes.
func TestHistoryCountsData(t *testing.T) {
	s := newStage(t, Config{History: 1 << 20})
	s.do(create("/a"))
	for range 100 {
		s.do(&txn.SetData{Path: "/a", Data: make([]byte, 100<<10)})
	}
	if st := s.Stats(); st.Changes != 10 || st.Bytes > 1<<20 || st.Base != 91 {
		t.Errorf("%+v", st)
	}
	s.do(&txn.SetData{Path: "/a", Data: make([]byte, 4<<20)})
	if st := s.Stats(); st.Changes != 1 || st.Base != 101 {
		t.Errorf("the newest is always there: %+v", st)
	}
}

// read reads all that a cursor has.
func read(t *testing.T, c *Cursor) (told []string, upTo txn.Zxid) {
	t.Helper()
	for {
		p, err := c.Next()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range p.Found {
			told = append(told, note(Event{Zxid: f.Zxid, Type: EventType(f.Effect.Kind), Path: f.Effect.Path}))
		}
		if p.Zxid < upTo {
			t.Fatalf("told up to %v after %v", p.Zxid, upTo)
		}
		if upTo = p.Zxid; !p.More {
			return told, upTo
		}
	}
}

func woken(c *Cursor) bool {
	select {
	case <-c.Wake():
		return true
	default:
		return false
	}
}

func TestCursorFollows(t *testing.T) {
	s := newStage(t, Config{})
	s.do(create("/a"), create("/b")) // 2
	deep, v, err := s.Follow("/a", true, 0)
	if err != nil || v.Zxid() != 2 {
		t.Fatal(v.Zxid(), err)
	}
	flat, _, err := s.Follow("/a", false, 0)
	if err != nil {
		t.Fatal(err)
	}
	s.do(create("/b/x"), set("/b"), &txn.SetACL{Path: "/a", ACL: acl("bob")}) // 5
	if woken(deep) || woken(flat) {
		t.Error("woken by what is not theirs")
	}
	if told, upTo := read(t, deep); len(told) != 0 || upTo != 5 {
		t.Errorf("told %q up to %v", told, upTo)
	}
	s.do(create("/a/x"), create("/aa")) // 7
	s.do(set("/a"), set("/a/x"))        // 9
	if !woken(deep) || woken(deep) || !woken(flat) {
		t.Error("not woken, or twice")
	}
	if told, upTo := read(t, deep); !slices.Equal(told, []string{"6 created /a/x", "8 changed /a", "9 changed /a/x"}) || upTo != 9 {
		t.Errorf("told %q up to %v", told, upTo)
	}
	if told, _ := read(t, flat); !slices.Equal(told, []string{"8 changed /a"}) {
		t.Errorf("told %q", told)
	}
	s.do(create("/a/y"), remove("/a/y")) // 11
	if !woken(deep) || woken(flat) {
		t.Error("not woken, or by what is not its own")
	}
	past, _, err := s.Follow("/", true, 6)
	if err != nil {
		t.Fatal(err)
	}
	if told, _ := read(t, past); !slices.Equal(told, []string{"7 created /aa", "8 changed /a", "9 changed /a/x", "10 created /a/y", "11 deleted /a/y"}) {
		t.Errorf("told %q", told)
	}
	for _, c := range []*Cursor{deep, flat, past} {
		c.Close()
		c.Close()
	}
	if st := s.Stats(); st.Cursors != 0 || st.Watches != 0 || st.Watchers != 0 {
		t.Errorf("left %+v", st)
	}
}

// A cursor that begins ahead of the server says nothing of what its reader has seen.
func TestCursorAhead(t *testing.T) {
	s := newStage(t, Config{})
	s.do(create("/a"))
	c, _, err := s.Follow("/", true, 3)
	if err != nil {
		t.Fatal(err)
	}
	s.do(create("/b"), create("/c"))
	if told, upTo := read(t, c); len(told) != 0 || upTo != 3 {
		t.Errorf("told %q up to %v", told, upTo)
	}
	s.do(create("/d"))
	if told, upTo := read(t, c); !slices.Equal(told, []string{"4 created /d"}) || upTo != 4 {
		t.Errorf("told %q up to %v", told, upTo)
	}
}

// Whoever reads too slowly is told so, with the zxid at which the history begins, and costs nothing meanwhile. Whoever has nothing to read is never slow.
func TestSlowCursorIsCut(t *testing.T) {
	s := newStage(t, Config{History: 100 * 300})
	s.do(create("/a"), create("/b"), create("/c"))
	slow, _, err := s.Follow("/a", true, 0)
	if err != nil {
		t.Fatal(err)
	}
	quiet, _, err := s.Follow("/c", true, 0)
	if err != nil {
		t.Fatal(err)
	}
	s.do(set("/a"))
	for range 200 {
		s.do(set("/b"))
	}
	wantKind(t, slow.Err(), fault.Compacted)
	_, err = slow.Next()
	wantKind(t, err, fault.Compacted)
	base := err.(*fault.Error).Zxid
	if base <= 4 || base != s.Stats().Base {
		t.Errorf("the history begins after %v, %+v", base, s.Stats())
	}
	if _, _, err := s.Follow("/", true, base-1); !fault.Is(err, fault.Compacted) {
		t.Errorf("began before the history: %v", err)
	}
	if c, _, err := s.Follow("/", true, base); err != nil {
		t.Error(err)
	} else if told, _ := read(t, c); len(told) != s.Stats().Changes {
		t.Errorf("told %d of %d", len(told), s.Stats().Changes)
	}
	s.do(set("/c"))
	if told, _ := read(t, quiet); len(told) != 1 {
		t.Errorf("told %q", told)
	}
}

func TestJumpCutsCursors(t *testing.T) {
	s := newStage(t, Config{})
	s.do(create("/a"))
	c, _, err := s.Follow("/a", false, 0)
	if err != nil {
		t.Fatal(err)
	}
	s.jump(create("/b"))
	if !woken(c) {
		t.Error("not woken")
	}
	_, err = c.Next()
	wantKind(t, err, fault.Compacted)
	if z := err.(*fault.Error).Zxid; z != 2 {
		t.Errorf("the history begins after %v", z)
	}
	c.Close()
	if st := s.Stats(); st.Cursors != 0 || st.Watchers != 0 {
		t.Errorf("left %+v", st)
	}
}

func TestCursorsAreBounded(t *testing.T) {
	s := newStage(t, Config{MaxCursors: 1})
	c, _, err := s.Follow("/a", false, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = s.Follow("/a", false, 0)
	wantKind(t, err, fault.Overloaded)
	if err.(*fault.Error).RetryAfter == 0 {
		t.Error("no word of when to try again")
	}
	c.Close()
	if _, _, err := s.Follow("a", false, 0); !fault.Is(err, fault.InvalidPath) {
		t.Error(err)
	}
	if _, _, err := s.Follow("/a", false, 0); err != nil {
		t.Error(err)
	}
}
