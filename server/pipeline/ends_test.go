package pipeline_test

import (
	"errors"
	"path"
	"testing"
	"testing/synctest"

	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// TestStopWaitsForWhatIsOnItsWay: a write on its way to the disk is neither refused nor
// forgotten by a pipeline that stops.
func TestStopWaitsForWhatIsOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, holding := make(chan struct{}), false
		s := boot(t, vfs.NewFaults(vfs.NewMem(), func(op vfs.Op) error {
			if holding && op.Kind == vfs.OpSync {
				<-gate
			}
			return nil
		}))
		holding = true
		outcome := make(chan error, 1)
		go func() { _, err := s.submit(create("/a")); outcome <- err }()
		synctest.Wait()
		stopped := make(chan struct{})
		go func() { s.stops[0](); close(stopped) }()
		synctest.Wait()
		select {
		case <-stopped:
			t.Error("stopped with a write on its way")
		case err := <-outcome:
			t.Fatalf("answered before the disk did: %v", err)
		default:
		}
		close(gate)
		if err := <-outcome; err != nil {
			t.Errorf("the write on its way became: %v", err)
		}
		<-stopped
		s.stops = s.stops[1:]
		s.down()
	})
}

// TestNoRoomForABatch: the log has no segment for a batch, and cannot make one. Nobody is left
// waiting, and all hear that they may come back.
func TestNoRoomForABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, holding := make(chan struct{}), false
		s := boot(t, vfs.NewFaults(vfs.NewMem(), func(op vfs.Op) error {
			if holding && op.Kind == vfs.OpCreate && path.Base(op.Name) == "next.tmp" {
				<-gate
				return vfs.ErrNoSpace
			}
			return nil
		}))
		holding = true
		outcomes := make(chan error, 3)
		for _, p := range []string{"/a", "/b", "/c"} { // this segment, the next one, and none
			r := &tree.CreateRequest{Path: p, ACL: tree.OpenACL(), Data: make([]byte, 3*wal.MinSegmentSize/4)}
			go func() { _, err := s.submit(r); outcomes <- err }()
			synctest.Wait()
		}
		if len(outcomes) != 2 {
			t.Fatalf("%d of 2 writes are done", len(outcomes))
		}
		close(gate)
		synctest.Wait()
		for range 2 {
			if err := <-outcomes; err != nil {
				t.Errorf("there was room, and yet: %v", err)
			}
		}
		err := <-outcomes
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != fault.NoSpace || f.RetryAfter == 0 {
			t.Errorf("got %v, want NO_SPACE with a time to come back", err)
		}
		if _, ok := s.pipe.Version().Get("/c"); ok {
			t.Error("/c was refused and is there")
		}
		s.down()
	})
}

// TestSoftQuotasAreTold names the path whose soft quota a write went beyond.
func TestSoftQuotasAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var over []string
		s := boot(t, vfs.NewMem(), func(c *pipeline.Config) {
			c.Events.SoftQuota = func(path string) { over = append(over, path) }
		})
		defer s.down()
		s.mustCreate("/a")
		s.mustCreate("/zookeeper/quota/a")
		limits := &tree.CreateRequest{Path: "/zookeeper/quota/a/zookeeper_limits", ACL: tree.OpenACL(), Data: []byte("count=2")}
		if _, err := s.submit(limits); err != nil {
			t.Fatal(err)
		}
		s.mustCreate("/a/b")
		if len(over) != 0 {
			t.Fatalf("beyond the quota: %q", over)
		}
		s.mustCreate("/a/c")
		if len(over) != 1 || over[0] != "/a" {
			t.Errorf("beyond the quota: %q, want /a", over)
		}
	})
}
