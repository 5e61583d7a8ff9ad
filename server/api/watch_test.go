package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/server/watch"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// changing is a hub on a tree that a test changes.
type changing struct {
	*watch.Hub
	tip *tree.Draft
}

func newChanging(c watch.Config, paths ...string) *changing {
	h := &changing{watch.New(c), tree.New().Edit()}
	h.Published(store.Publication{Version: h.tip.Publish(), Jump: true})
	for _, path := range paths {
		h.do(creation(path))
	}
	return h
}

// creation creates a node; one whose path ends with "!" is for bob alone.
func creation(path string) *txn.Create {
	name, private := strings.CutSuffix(path, "!")
	acl := tree.OpenACL()
	if private {
		acl = []txn.ACE{{Perms: txn.MayAll, Scheme: "digest", ID: "bob:hash"}}
	}
	return &txn.Create{Path: name, ACL: acl, Kind: txn.Persistent, Data: []byte("new")}
}

// do publishes txns, in one version.
func (h *changing) do(ops ...txn.Op) {
	var changes []store.Change
	for _, op := range ops {
		z := h.tip.Zxid() + 1
		out := h.tip.Apply(&txn.Txn{Header: txn.Header{Zxid: z}, Op: op})
		changes = store.AddChange(changes, z, &out)
	}
	h.Published(store.Publication{Version: h.tip.Publish(), Changes: changes})
}

// watching is a Watch in progress.
type watching struct {
	mu       sync.Mutex // guards messages against a wait's end, which the race detector does not see
	messages []*apiv1.WatchResponse
	blocked  chan struct{} // not nil: each message waits for it
	err      error         // once it has ended
	ended    bool
	stop     context.CancelCauseFunc
}

// watchInBubble begins a Watch, which ends with the bubble's test.
func (h *changing) watchInBubble(t *testing.T, who tree.Caller, r *apiv1.WatchRequest, blocked chan struct{}) *watching {
	t.Helper()
	w := &watching{blocked: blocked}
	ctx, stop := context.WithCancelCause(context.WithValue(t.Context(), callerKey{}, who))
	w.stop = stop
	k := New(Config{Watches: h.Hub, MaxLists: 1})
	go func() {
		w.err = k.watch(ctx, r, func(m *apiv1.WatchResponse) error {
			if w.blocked != nil {
				<-w.blocked
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.messages = append(w.messages, m)
			return nil
		})
		w.ended = true
	}()
	synctest.Wait()
	return w
}

// take returns the messages since the last time as short lines.
func (w *watching) take() (lines []string) {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.messages {
		var parts []string
		for _, e := range m.GetEntries() {
			parts = append(parts, fmt.Sprintf("%q=%s", e.GetName(), e.GetData()))
		}
		for _, e := range m.GetEvents() {
			typ := strings.ToLower(strings.TrimPrefix(e.GetType().String(), "EVENT_TYPE_"))
			parts = append(parts, fmt.Sprintf("%d %s %s=%s", e.GetZxid(), typ, e.GetPath(), e.GetData()))
		}
		if m.GetMore() {
			parts = append(parts, "more")
		}
		lines = append(lines, fmt.Sprintf("%s; %d", strings.Join(parts, ", "), m.GetZxid()))
	}
	w.messages = nil
	return lines
}

func (w *watching) wants(t *testing.T, want ...string) {
	t.Helper()
	if got := w.take(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWatchTellsSnapshotAndEvents(t *testing.T) {
	bob := tree.Caller{{Scheme: "digest", ID: "bob:hash"}}
	set := func(path, data string) txn.Op { return &txn.SetData{Path: path, Data: []byte(data)} }
	for _, tc := range []struct {
		name   string
		who    tree.Caller
		r      *apiv1.WatchRequest
		before []string
		after  []string
	}{
		{
			"subtree", bob, &apiv1.WatchRequest{Path: "/a", Recursive: true, WithData: true},
			[]string{`""=new, "s"=new, "x"=new, "s/o"=new; 5`},
			[]string{"6 data_changed /a/s=1, 6 created /a/y=new; 6", "7 deleted /a/x=; 8", "9 data_changed /a/s/o=2; 9"},
		},
		{
			"subtree, what may be read", nil, &apiv1.WatchRequest{Path: "/a", Recursive: true, WithData: true},
			[]string{`""=new, "x"=new, "s/o"=new; 5`},
			[]string{"6 created /a/y=new; 6", "7 deleted /a/x=; 8", "9 data_changed /a/s/o=2; 9"},
		},
		{"node", nil, &apiv1.WatchRequest{Path: "/a"}, []string{`""=; 5`}, nil},
		{"node, data", nil, &apiv1.WatchRequest{Path: "/b", WithData: true}, []string{`""=new; 5`}, []string{"8 data_changed /b=3; 8"}},
		{"nothing there", nil, &apiv1.WatchRequest{Path: "/a/y"}, []string{"; 5"}, []string{"6 created /a/y=; 6"}},
		{"nothing there, recursive", nil, &apiv1.WatchRequest{Path: "/a/y", Recursive: true}, []string{"; 5"}, []string{"6 created /a/y=; 6"}},
		{
			"some types", bob, &apiv1.WatchRequest{Path: "/a", Recursive: true, Types: []apiv1.EventType{apiv1.EventType_EVENT_TYPE_DELETED}},
			[]string{`""=, "s"=, "x"=, "s/o"=; 5`},
			[]string{"7 deleted /a/x=; 8"},
		},
		{
			"from a zxid", nil, &apiv1.WatchRequest{Path: "/", Recursive: true, AfterZxid: 2},
			[]string{"4 created /a/s/o=, 5 created /b=; 5"},
			[]string{"6 created /a/y=; 6", "7 deleted /a/x=, 8 data_changed /b=; 8", "9 data_changed /a/s/o=; 9"},
		},
		{"from now", nil, &apiv1.WatchRequest{Path: "/b", AfterZxid: 5}, []string{"; 5"}, []string{"8 data_changed /b=; 8"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newChanging(watch.Config{}, "/a", "/a/x", "/a/s!", "/a/s/o", "/b")
				w := h.watchInBubble(t, tc.who, tc.r, nil)
				w.wants(t, tc.before...)
				h.do(&txn.Multi{Ops: []txn.Op{set("/a/s", "1"), creation("/a/y")}})
				synctest.Wait()
				h.do(&txn.Delete{Path: "/a/x"}, set("/b", "3"))
				synctest.Wait()
				h.do(set("/a/s/o", "2"))
				w.wants(t, tc.after...)
			})
		})
	}
}

// An event has the Stat right after it, whatever has happened since; a deletion none. Null and empty data are told apart.
func TestWatchTellsStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newChanging(watch.Config{}, "/a")
		w := h.watchInBubble(t, nil, &apiv1.WatchRequest{Path: "/a", Recursive: true, WithData: true}, nil)
		if e := w.messages[0].GetEntries()[0]; e.GetStat().GetDataLength() != 3 {
			t.Errorf("entry %v", e)
		}
		w.messages = nil
		h.do(&txn.SetData{Path: "/a", Data: []byte{}}, &txn.SetData{Path: "/a"}, creation("/a/b"), &txn.Delete{Path: "/a/b"})
		synctest.Wait()
		events := w.messages[0].GetEvents()
		if events[0].Data == nil || events[0].GetStat().GetVersion() != 1 || events[1].Data != nil || events[1].GetStat().GetVersion() != 2 ||
			events[2].GetStat().GetCzxid() != 4 || events[3].Stat != nil {
			t.Errorf("events %v", events)
		}
	})
}

// However many events there are, messages are of a bounded size, and each says how far all has been told.
func TestWatchMessagesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newChanging(watch.Config{}, "/a")
		w := h.watchInBubble(t, nil, &apiv1.WatchRequest{Path: "/", Recursive: true, WithData: true, AfterZxid: 1}, nil)
		w.messages = nil
		m := &txn.Multi{}
		for i := range 2500 {
			m.Ops = append(m.Ops, creation(fmt.Sprintf("/a/%04d", i)))
		}
		large := &txn.SetData{Path: "/a", Data: make([]byte, 150<<10)}
		h.do(creation("/b"), m, creation("/c"), large, large, large) // 2 to 7
		synctest.Wait()
		var sizes []string
		for _, m := range w.messages {
			sizes = append(sizes, fmt.Sprintf("%d to %d", len(m.GetEvents()), m.GetZxid()))
		}
		// The txn at 3 is told in three messages; the first two tell all of 2 only.
		if want := []string{"1000 to 2", "1000 to 2", "501 to 3", "2 to 5", "1 to 6", "1 to 7"}; !slices.Equal(sizes, want) {
			t.Errorf("messages of %q, want %q", sizes, want)
		}
	})
}

func TestWatchSnapshotComesInPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newChanging(watch.Config{}, "/a")
		for i := range 2500 {
			h.do(creation(fmt.Sprintf("/a/%04d", i)))
		}
		w := h.watchInBubble(t, nil, &apiv1.WatchRequest{Path: "/a", Recursive: true}, nil)
		var names []string
		for i, m := range w.messages {
			if m.GetMore() != (i < 2) || m.GetZxid() != 2501 || len(m.GetEntries()) > pieceEntries {
				t.Errorf("message %d: %d entries, more %v, zxid %d", i, len(m.GetEntries()), m.GetMore(), m.GetZxid())
			}
			for _, e := range m.GetEntries() {
				names = append(names, e.GetName())
			}
		}
		if len(names) != 2501 || names[0] != "" || names[2500] != "2499" {
			t.Errorf("%d names", len(names))
		}
	})
}

// A client hears of progress though nothing happens to it, and not more often than it must.
func TestWatchIsNotSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newChanging(watch.Config{}, "/a", "/b")
		w := h.watchInBubble(t, nil, &apiv1.WatchRequest{Path: "/a"}, nil)
		w.wants(t, `""=; 2`)
		h.do(&txn.SetData{Path: "/b"})
		time.Sleep(progressEvery - time.Second)
		w.wants(t)
		time.Sleep(2 * time.Second)
		w.wants(t, "; 3")
		h.do(&txn.SetData{Path: "/a"})
		w.wants(t, "4 data_changed /a=; 4")
		time.Sleep(progressEvery - time.Second)
		w.wants(t)
		time.Sleep(progressEvery)
		w.wants(t, "; 4")
	})
}

// Events of other types are no progress by themselves.
func TestWatchIsNotSilentBehindItsFilter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newChanging(watch.Config{}, "/a")
		r := &apiv1.WatchRequest{Path: "/a", Types: []apiv1.EventType{apiv1.EventType_EVENT_TYPE_DELETED}}
		w := h.watchInBubble(t, nil, r, nil)
		w.take()
		time.Sleep(time.Second / 2)
		for range 6 {
			h.do(&txn.SetData{Path: "/a"})
			time.Sleep(time.Second)
		}
		w.wants(t, "; 6")
	})
}

// A client that does not read is cut when what it must read next has been forgotten, in the midst of a snapshot too.
func TestSlowWatchIsCut(t *testing.T) {
	for _, after := range []uint64{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			h := newChanging(watch.Config{History: 10_000}, "/a")
			for i := range 1500 {
				h.do(creation(fmt.Sprintf("/a/%04d", i)))
			}
			if after != 0 {
				after = 1500
			}
			blocked := make(chan struct{})
			w := h.watchInBubble(t, nil, &apiv1.WatchRequest{Path: "/a", Recursive: true, AfterZxid: after}, blocked)
			for range 300 {
				h.do(&txn.SetData{Path: "/a"})
			}
			close(blocked)
			synctest.Wait()
			var f *fault.Error
			if !w.ended || !errors.As(w.err, &f) || f.Kind != fault.Compacted || f.Zxid != h.Stats().Base || len(w.messages) != 1 {
				t.Errorf("%d messages, then %v", len(w.messages), w.err)
			}
			if h.Stats().Cursors != 0 {
				t.Error("the cursor is left")
			}
		})
	}
}

// While a snapshot is sent it has a place among the lists.
func TestWatchTakesItsTurnAmongTheLists(t *testing.T) {
	h := newChanging(watch.Config{}, "/a")
	k := New(Config{Watches: h.Hub, MaxLists: 1})
	enough := errors.New("enough")
	for range 2 {
		err := k.watch(t.Context(), &apiv1.WatchRequest{Path: "/a"}, func(*apiv1.WatchResponse) error {
			if _, err := k.listing("/"); !fault.Is(err, fault.Overloaded) {
				t.Errorf("there is room for another: %v", err)
			}
			return enough
		})
		if !errors.Is(err, enough) {
			t.Error(err)
		}
	}
	done, err := k.listing("/")
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	none := func(*apiv1.WatchResponse) error { return enough }
	if err := k.watch(t.Context(), &apiv1.WatchRequest{Path: "/a"}, none); !fault.Is(err, fault.Overloaded) {
		t.Errorf("a snapshot beside as many lists as may be: %v", err)
	}
	if err := k.watch(t.Context(), &apiv1.WatchRequest{Path: "/a", AfterZxid: 1}, none); !errors.Is(err, enough) {
		t.Errorf("without a snapshot: %v", err)
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newChanging(watch.Config{})
		w := h.watchInBubble(t, nil, &apiv1.WatchRequest{Path: "/"}, nil)
		why := errors.New("the server stops")
		w.stop(why)
		synctest.Wait()
		if !w.ended || !errors.Is(w.err, why) || h.Stats().Cursors != 0 {
			t.Errorf("ended: %v, with %v", w.ended, w.err)
		}
	})
}

func TestWatchIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newChanging(watch.Config{MaxCursors: 2, History: 1}, "/a", "/b")
		for _, tc := range []struct {
			r    *apiv1.WatchRequest
			want fault.Kind
		}{
			{&apiv1.WatchRequest{Path: ""}, fault.InvalidPath},
			{&apiv1.WatchRequest{Path: "/a", AfterZxid: 0, Types: []apiv1.EventType{apiv1.EventType_EVENT_TYPE_CHILDREN_CHANGED}}, fault.BadArguments},
			{&apiv1.WatchRequest{Path: "/a", AfterZxid: 0, Types: []apiv1.EventType{0}}, fault.BadArguments},
			{&apiv1.WatchRequest{Path: "/a", AfterZxid: 0, Types: []apiv1.EventType{70}}, fault.BadArguments},
		} {
			if w := h.watchInBubble(t, nil, tc.r, nil); !fault.Is(w.err, tc.want) {
				t.Errorf("%v: got %v, want %v", tc.r, w.err, tc.want)
			}
		}
		h.watchInBubble(t, nil, &apiv1.WatchRequest{Path: "/"}, nil)
		h.watchInBubble(t, nil, &apiv1.WatchRequest{Path: "/"}, nil)
		if w := h.watchInBubble(t, nil, &apiv1.WatchRequest{Path: "/"}, nil); !fault.Is(w.err, fault.Overloaded) {
			t.Errorf("got %v", w.err)
		}
	})
}
