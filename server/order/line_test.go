package order_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/quorate/quorate/server/order"
	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/store/fault"
)

func newLine(t *testing.T) (line order.Line[string], void *atomic.Bool, landed *int) {
	t.Helper()
	void, landed = new(atomic.Bool), new(int)
	return order.NewLine[string](void, func() { *landed++ }), void, landed
}

func TestWhatMayBegin(t *testing.T) {
	l, _, _ := newLine(t)
	if !l.May(true) || !l.May(false) || l.Writing() {
		t.Error("in an empty line everything may")
	}
	w := l.Begin("write", true)
	if !l.May(true) || l.May(false) || !l.Writing() {
		t.Error("behind a write only writes may")
	}
	l.Land(w, pipeline.Reply{}, nil)
	if _, err := l.Next(); err != nil || l.Len() != 0 {
		t.Fatal(err)
	}
	l.Begin("sync", false)
	if l.May(true) || l.May(false) || l.Writing() {
		t.Error("behind anything else nothing may")
	}
}

// However they land, they come out in the order in which they began.
func TestOrder(t *testing.T) {
	l, void, landed := newLine(t)
	var all []*order.Slot[string]
	for _, name := range []string{"a", "b", "c"} {
		all = append(all, l.Begin(name, true))
	}
	l.Land(all[2], pipeline.Reply{Zxid: 3}, nil)
	l.Land(all[1], pipeline.Reply{}, fault.New(fault.NoNode, "/b", "none"))
	if s, err := l.Next(); s != nil || err != nil {
		t.Fatalf("%v, %v before the first has landed", s, err)
	}
	l.Land(all[0], pipeline.Reply{Zxid: 1}, nil)
	for i, want := range []string{"a", "b", "c"} {
		s, err := l.Next()
		if err != nil || s == nil || s.Call != want || (s.Err != nil) != (i == 1) {
			t.Fatalf("%d: %+v, %v", i, s, err)
		}
	}
	if s, err := l.Next(); s != nil || err != nil || *landed != 3 || void.Load() {
		t.Errorf("%v, %v, %d landed, void %v", s, err, *landed, void.Load())
	}
}

// Nothing comes after what ends the stream, and what was not sent yet is void before that is told.
func TestEnds(t *testing.T) {
	for _, cause := range []error{fault.New(fault.Unknown, "", ""), fault.New(fault.NoSession, "", ""), context.Canceled} {
		void := new(atomic.Bool)
		l := order.NewLine[string](void, func() {
			if !void.Load() {
				t.Errorf("%v: told before it is void", cause)
			}
		})
		first, second := l.Begin("a", true), l.Begin("b", true)
		l.Land(first, pipeline.Reply{}, cause)
		l.Land(second, pipeline.Reply{}, nil)
		for range 2 {
			if s, err := l.Next(); s != nil || err != cause { //nolint:errorlint // as it is
				t.Errorf("%v, %v", s, err)
			}
		}
	}
	if order.Ends(nil) || order.Ends(fault.New(fault.NoNode, "", "")) {
		t.Error("what is no end is taken for one")
	}
}
