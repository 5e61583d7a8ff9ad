package peer

import (
	"errors"
	"io"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/vfs"
)

// TestDiskErrors: a full disk ends the stream and nothing else; a disk that fails ends the server. An
// error of the stream ends only that.
func TestDiskErrors(t *testing.T) {
	gone := errors.New("the disk is gone")
	for _, c := range []struct {
		name   string
		fail   func(vfs.Op) bool // from when the leader has been met
		broken bool
	}{
		{"the promise", func(op vfs.Op) bool { return filepath.Base(op.Name) == "epochs" && op.Kind == vfs.OpSync }, true},
		{"the history", func(op vfs.Op) bool { return strings.Contains(op.Name, "/log/") && op.Kind == vfs.OpSync }, true},
		{"the snapshot's file", func(op vfs.Op) bool { return strings.Contains(op.Name, "snapshot") && op.Kind == vfs.OpWrite }, true},
		{"the snapshot's name", func(op vfs.Op) bool { return strings.Contains(op.Name, "snapshot") && op.Kind == vfs.OpRename }, true},
		{"nothing", func(vfs.Op) bool { return false }, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			var failing atomic.Bool
			f := awake(t, vfs.NewFaults(vfs.NewMem(), func(op vfs.Op) error {
				if failing.Load() && c.fail(op) {
					return gone
				}
				return nil
			}))
			defer f.asleep()
			h := newAnnals(t).adds(1, "/a", "/b")
			s, ended := f.follow(Following)
			s.hear()
			failing.Store(true)
			s.say(leaderInfo(1))
			for _, m := range append(snapshot(h.tree(), 64), newLeaderMsg(1, h.last())) {
				s.say(m)
			}
			synctest.Wait()
			if !c.broken {
				s.end(io.EOF)
			}
			err := <-ended
			var storage *storeError
			if errors.As(err, &storage) != c.broken || errors.Is(err, gone) != c.broken {
				t.Errorf("%s: %v", c.name, err)
			}
		})
	}
}

// TestFullDisk: the log takes no more. The learner says so and leaves; what it has is untouched.
func TestFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewMem()
		f := awake(t, disk)
		defer f.asleep()
		s, ended := f.follow(Following)
		h := newAnnals(t)
		s.lead(1, h)
		disk.SetLimit(disk.Used())
		for i := 0; ; i++ {
			prev := h.last()
			h.does(1, &tree.CreateRequest{Path: "/n" + strings.Repeat("x", i+1), ACL: tree.OpenACL(), Data: make([]byte, 8<<10)})
			if i > 40 || !s.say(proposal(prev, h.after(prev), 0)) {
				break
			}
			synctest.Wait()
		}
		err := <-ended
		var storage *storeError
		if !fault.Is(err, fault.NoSpace) || errors.As(err, &storage) {
			t.Errorf("the stream ended with %v", err)
		}
	})
}

// TestReportsWhatIsDurable: AckEpoch speaks of the log's end once that is durable, whatever the stream
// before has left in the log's buffer.
func TestReportsWhatIsDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := newSlow()
		f := awake(t, disk)
		defer f.asleep()
		h := newAnnals(t).adds(1, "/a")
		s, ended := f.follow(Following)
		s.lead(1, newAnnals(t))
		release := disk.hold()
		s.say(proposal(0, h.recs, 0))
		synctest.Wait()
		s.end(io.EOF)
		<-ended

		s, ended = f.follow(Following)
		s.hear()
		s.say(leaderInfo(2))
		if !s.heardNothing() {
			t.Error("it reports what is not durable")
		}
		release()
		if ack := s.hear().GetAckEpoch(); ack.GetLastZxid() != uint64(h.last()) {
			t.Errorf("it reports %v, want %v", ack, h.last())
		}
		s.end(io.EOF)
		<-ended
	})
}
