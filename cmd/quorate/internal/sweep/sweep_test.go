package sweep_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/clienttest"
	"github.com/quorate/quorate/cmd/quorate/internal/sweep"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

func fill(t *testing.T, f *clienttest.Fake, paths ...string) {
	t.Helper()
	for _, p := range paths {
		if _, err := f.Create(t.Context(), &apiv1.CreateRequest{Path: p}); err != nil {
			t.Fatal(err)
		}
	}
}

// many returns the paths of a subtree of more nodes than one batch holds.
func many() []string {
	paths := []string{"/a", "/a/x"}
	for i := range 150 {
		paths = append(paths, fmt.Sprintf("/a/x/%d", i), fmt.Sprintf("/a/x/%d/below", i))
	}
	return paths
}

func sweeper(t *testing.T, f *clienttest.Fake) (*sweep.Sweeper, *int) {
	t.Helper()
	c, err := client.Dial([]string{f.Start(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	deleted := 0
	return &sweep.Sweeper{Keeper: c.Keeper(), Timeout: time.Minute, Retry: time.Minute, Deleted: func(n int) { deleted += n }}, &deleted
}

func TestSubtree(t *testing.T) {
	t.Parallel()
	f := clienttest.New()
	fill(t, f, many()...)
	fill(t, f, "/ab")
	s, deleted := sweeper(t, f)
	if err := s.Subtree(t.Context(), "/a"); err != nil {
		t.Fatal(err)
	}
	if left := f.Dump(); *deleted != 302 || len(left) != 1 || left["/ab"] == "" {
		t.Errorf("%d deleted, left %v", *deleted, left)
	}
	if n := f.Calls(apiv1.Keeper_Multi_FullMethodName); n != 5 {
		t.Errorf("%d batches, want 5", n)
	}
	if err := s.Subtree(t.Context(), "/a"); !errors.Is(err, client.ErrNoNode) {
		t.Errorf("a second time: %v, want ErrNoNode", err)
	}
}

// Others delete and create below the node while it is deleted.
func TestSubtreeUnderChange(t *testing.T) {
	t.Parallel()
	f := clienttest.New()
	fill(t, f, many()...)
	var calls atomic.Int64
	f.Hook = func(method string, _ any) error {
		if method != apiv1.Keeper_Multi_FullMethodName {
			return nil
		}
		switch calls.Add(1) {
		case 1:
			fill(t, f, "/a/x/7/new", "/a/late")
		case 2:
			for _, p := range []string{"/a/x/3/below", "/a/x/3"} {
				_, _ = f.Delete(t.Context(), &apiv1.DeleteRequest{Path: p}) // it may be gone
			}
		case 3:
			return clienttest.Refusal{Reason: "UNAVAILABLE"}.Err()
		}
		return nil
	}
	s, _ := sweeper(t, f)
	if err := s.Subtree(t.Context(), "/a"); err != nil {
		t.Fatal(err)
	}
	if left := f.Dump(); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

func TestSubtreeGivesUp(t *testing.T) {
	t.Parallel()
	f := clienttest.New()
	fill(t, f, "/a")
	var n atomic.Int64
	f.Hook = func(method string, _ any) error {
		if method == apiv1.Keeper_Multi_FullMethodName {
			fill(t, f, fmt.Sprintf("/a/%d", n.Add(1)))
		}
		return nil
	}
	s, _ := sweeper(t, f)
	if err := s.Subtree(t.Context(), "/a"); !errors.Is(err, client.ErrNotEmpty) {
		t.Errorf("got %v, want ErrNotEmpty", err)
	}
}

func TestSomebodyElseFinishesIt(t *testing.T) {
	t.Parallel()
	f := clienttest.New()
	fill(t, f, "/a", "/a/b")
	f.Hook = func(method string, _ any) error {
		if method == apiv1.Keeper_Multi_FullMethodName {
			for _, p := range []string{"/a/b", "/a"} {
				if _, err := f.Delete(t.Context(), &apiv1.DeleteRequest{Path: p}); err != nil {
					t.Error(err)
				}
			}
		}
		return nil
	}
	s, deleted := sweeper(t, f)
	if err := s.Subtree(t.Context(), "/a"); err != nil || *deleted != 0 {
		t.Errorf("%d deleted, %v", *deleted, err)
	}
}
