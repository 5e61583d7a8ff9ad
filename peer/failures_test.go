package peer

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/quorate/quorate/store/identity"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// TestPromiseThatCannotBeKeptEndsTheCandidacy: an epoch that is not durable is neither
// announced nor built on.
func TestPromiseThatCannotBeKeptEndsTheCandidacy(t *testing.T) {
	for n, want := range []string{"looking for a leader\nelected server 1 in round 1\nrole looking: elected; the voters are being collected", "looking for a leader\nelected server 1 in round 1\nrole looking: elected; the voters are being collected\naccepted epoch 1"} { // the promise fails, the current epoch fails
		bubble(t, func(t *testing.T) {
			broken := errors.New("the disk is gone")
			syncs, running := 0, false
			disk := vfs.NewFaults(vfs.NewMem(), func(op vfs.Op) error {
				if !running || op.Kind != vfs.OpSync || filepath.Base(op.Name) != "epochs" {
					return nil
				}
				if syncs++; syncs > n {
					return broken
				}
				return nil
			})
			s := boot(t, disk, func(*Config) { running = true })
			err := <-s.ended
			s.ended <- err
			if !errors.Is(err, broken) {
				t.Errorf("Run: %v, want the disk's error", err)
			}
			wantTrace(t, s, want+"\nrole looking: writing /data/epochs: sync /data/epochs: the disk is gone")
			_ = s.down()
		})
	}
}

// TestSyncAfterTheTail: what a predecessor left is read at once, without another write.
func TestSyncAfterTheTail(t *testing.T) {
	bubble(t, func(t *testing.T) {
		disk := vfs.NewMem()
		s := boot(t, disk)
		synctest.Wait()
		err := <-propose(t, s.term(), "/a")
		if down := s.down(); err != nil || down != nil {
			t.Fatal(err, down)
		}
		var want txn.Zxid
		s = boot(t, disk, func(c *Config) { // before it runs
			if want = c.Store.Last(); c.Store.Version().Zxid() == want {
				t.Error("there is no tail")
			}
		})
		s.term()
		var at any
		go func() { at, _ = s.peer.Sync(t.Context()) }()
		synctest.Wait()
		if at != want {
			t.Errorf("synced to %v, want %v", at, want)
		}
		if err := s.down(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestEnsembleOfTheDirectory: founding makes the directory that of the ensemble, and a directory of
// another one is not led.
func TestEnsembleOfTheDirectory(t *testing.T) {
	bubble(t, func(t *testing.T) {
		disk := vfs.NewMem()
		s := boot(t, disk)
		err := <-propose(t, s.term(), "/a")
		if down := s.down(); err != nil || down != nil {
			t.Fatal(err, down)
		}
		r, err := identity.Read(disk, "/data/identity")
		m, founded := s.store.Version().Membership()
		if err != nil || !founded || m.Ensemble == 0 || r.Ensemble != m.Ensemble {
			t.Fatalf("the directory is of ensemble %v, the tree of %v; %v", r.Ensemble, m.Ensemble, err)
		}
		if m.Members[0].Storage != r.Storage {
			t.Errorf("the tree names storage %v, the directory is %v (P6)", m.Members[0].Storage, r.Storage)
		}
		r.Ensemble++
		if err := identity.Write(disk, "/data/identity", r); err != nil {
			t.Fatal(err)
		}
		s = boot(t, disk)
		err = <-s.ended
		s.ended <- err
		if err == nil || !strings.Contains(err.Error(), "mixed up") {
			t.Errorf("a directory of another ensemble: %v", err)
		}
		_ = s.down()
	})
}
