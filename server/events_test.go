package server

import (
	"slices"
	"testing"
)

func TestBoth(t *testing.T) {
	type Inner struct{ A func(n int, s string) }
	type events struct {
		Inner
		B, C, D func(n int, s string)
	}
	var got []string
	note := func(who string) func(int, string) {
		return func(n int, s string) { got = append(got, who+s) }
	}
	e := both(events{Inner: Inner{note("first ")}, B: note("first ")}, events{Inner: Inner{note("second ")}, C: note("second ")})
	e.A(1, "A")
	e.B(1, "B")
	e.C(1, "C")
	if want := []string{"first A", "second A", "first B", "second C"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if e.D != nil {
		t.Error("nobody listens to D, but there is a function")
	}
}
