package client_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/quorate/quorate/client"
)

// watches leaves watches that overlap, in a session whose connections break, while others change what they watch: each
// is told everything once and in order, as a Watch without a session is.
func (r *real) watches(ctx context.Context, t *testing.T) {
	s, other := r.session(ctx), r.session(ctx)
	for _, path := range []string{"/w", "/w/x"} {
		if _, err := other.Create(ctx, path, nil); err != nil {
			t.Error(err)
			return
		}
	}
	begun, err := s.Sync(ctx)
	roots := []string{"/w", "/w/x", "/"}
	var watchers []*client.Watcher
	for _, root := range roots {
		w, watchErr := s.Watch(ctx, root, client.WatchRecursive)
		if err != nil || watchErr != nil {
			t.Error(err, watchErr)
			return
		}
		watchers = append(watchers, w)
	}
	want := r.change(ctx, t, other)
	for i, w := range watchers {
		var got []string
		for len(got) < len(want) {
			e, err := w.Next(ctx)
			if err != nil {
				t.Errorf("watch on %s: %v after %d events", roots[i], err, len(got))
				return
			}
			if isBelow(e.Path) {
				got = append(got, e.Type.String()+" "+e.Path)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("watch on %s: got %q, want %q", roots[i], got, want)
		}
	}
	var got []string
	for e, err := range r.client().Watch(ctx, "/w/x", client.Recursive(), client.After(begun)) {
		if err != nil {
			t.Errorf("Watch: %v", err)
			return
		}
		if isBelow(e.Path) {
			got = append(got, e.Type.String()+" "+e.Path)
		}
		if len(got) == len(want) {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("Watch: got %q, want %q", got, want)
	}
}

func isBelow(path string) bool { return len(path) > len("/w/x/") && path[:5] == "/w/x/" }

// change makes changes below /w/x, some of which do the same thing twice in one txn, and returns what they are.
func (r *real) change(ctx context.Context, t *testing.T, s *client.Session) (all []string) {
	for i := range 400 {
		path := fmt.Sprintf("/w/x/n%d", i)
		if i%5 != 4 {
			if _, err := s.Create(ctx, path, nil); err != nil {
				t.Errorf("Create: %v", err)
			}
			all = append(all, "created "+path)
			continue
		}
		if _, err := s.Multi(ctx, client.CreateOp(path, nil), client.DeleteOp(path), client.CreateOp(path, nil)); err != nil {
			t.Errorf("Multi: %v", err)
		}
		all = append(all, "created "+path, "deleted "+path, "created "+path)
	}
	return all
}
