package pipeline_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

func (s *server) makes(kind txn.Kind, ttl time.Duration, paths ...string) {
	s.t.Helper()
	for _, path := range paths {
		if _, err := s.submit(&tree.CreateRequest{Path: path, ACL: tree.OpenACL(), Kind: kind, TTL: ttl.Milliseconds()}); err != nil {
			s.t.Fatalf("create %s: %v", path, err)
		}
	}
}

func (s *server) removes(path string) {
	s.t.Helper()
	if _, err := s.submit(&tree.DeleteRequest{Path: path, Version: tree.AnyVersion}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) has(path string) bool {
	_, there := s.pipe.Version().Get(path)
	return there
}

// TestSweep: what goes by itself goes with the next look at the earliest, whatever its access control list says; what is used stays.
func TestSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := boot(t, vfs.NewMem(), func(c *pipeline.Config) { c.Sweep.Unused = 150 * time.Second })
		defer s.down()
		s.makes(txn.Container, 0, "/empty", "/empty/a", "/used", "/unused")
		s.mustCreate("/used/a")
		s.makes(txn.TTL, 90*time.Second, "/old", "/written")
		s.removes("/empty/a")
		for _, step := range []struct {
			after time.Duration
			is    string
		}{
			{59 * time.Second, "empty used unused old written"},
			{61 * time.Second, "used unused old written"},
			{119 * time.Second, "used unused old written"},
			{121 * time.Second, "used unused written"},
			{179 * time.Second, "used unused written"},
			{181 * time.Second, "used"},
			{24 * time.Hour, "used"},
		} {
			for time.Since(startOfBubble) < step.after {
				if time.Since(startOfBubble) == 80*time.Second {
					if _, err := s.submit(&tree.SetRequest{Path: "/written", Version: tree.AnyVersion}); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(time.Second)
			}
			var is string
			for _, path := range []string{"empty", "used", "unused", "old", "written"} {
				if s.has("/" + path) {
					is += " " + path
				}
			}
			if is != " "+step.is {
				t.Errorf("after %v there are%s, want %s", step.after, is, step.is)
			}
		}
	})
}

// startOfBubble is when every bubble begins.
var startOfBubble = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// TestSweepIsSlow: so many a minute and no more, and the rest later.
func TestSweepIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := boot(t, vfs.NewMem(), func(c *pipeline.Config) { c.Sweep = pipeline.Sweep{Interval: 10 * time.Second, PerMinute: 600} })
		defer s.down()
		const n = 250
		for i := range n {
			s.makes(txn.TTL, time.Millisecond, fmt.Sprintf("/t%03d", i))
		}
		time.Sleep(50 * time.Millisecond) // a second ends between two of them, not with one
		before, most := s.pipe.Version().Len(), 0
		for s.pipe.Version().Len() > before-n {
			left := s.pipe.Version().Len()
			time.Sleep(time.Second)
			most = max(most, left-s.pipe.Version().Len())
			if time.Since(startOfBubble) > 2*time.Minute {
				t.Fatalf("%d are left", s.pipe.Version().Len()-before+n)
			}
		}
		if most > 10 {
			t.Errorf("%d in a second", most)
		}
	})
}

// TestNobodySweeps where that is off.
func TestNobodySweeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := boot(t, vfs.NewMem(), func(c *pipeline.Config) { c.Sweep.Interval = -1 })
		defer s.down()
		s.makes(txn.TTL, time.Millisecond, "/t")
		time.Sleep(time.Hour)
		if !s.has("/t") {
			t.Error("it was swept")
		}
	})
}
