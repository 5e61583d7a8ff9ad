package peer

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// TestThreeLives is the story of one server on its own: it founds its ensemble,
// is killed with a write that it never acknowledged, and stops in order.
func TestThreeLives(t *testing.T) {
	bubble(t, func(t *testing.T) {
		disk := vfs.NewMem()
		s := boot(t, disk)
		term := s.term()
		synctest.Wait() // the founding txn is committed: the next ones will say so
		if err := <-propose(t, term, "/a", "/b"); err != nil {
			t.Fatal(err)
		}
		after := disk.CrashClone(nil, vfs.KeepAll)
		if err := s.down(); err != nil {
			t.Fatal(err)
		}
		wantTrace(t, s, `looking for a leader
elected server 1 in round 1
role looking: elected; the voters are being collected
accepted epoch 1
current epoch 1
established in epoch 1: committed 0.0, tail 0
founded with 1 member(s)
role leader
role looking: the server is stopping
resigned epoch 1: the server is stopping`)

		// The log says that the founding is committed, and not that /a and /b are: that
		// came after they were written. The second life finds these two as its tail, not
		// applied, and commits them with the quorum's word, its own.
		s = boot(t, after)
		s.term()
		if _, ok := s.store.Version().Get("/b"); !ok {
			t.Error("/b was acknowledged and is lost")
		}
		if err := s.down(); err != nil {
			t.Fatal(err)
		}
		wantTrace(t, s, `looking for a leader
elected server 1 in round 1
role looking: elected; the voters are being collected
accepted epoch 2
current epoch 2
established in epoch 2: committed 1.3, tail 2
role leader
role looking: the server is stopping
resigned epoch 2: the server is stopping`)
	})
}

func wantTrace(t *testing.T, s *server, want string) {
	t.Helper()
	if got := s.trace.String(); got != want {
		t.Errorf("trace:\n%s\n\nwant:\n%s", got, want)
	}
}

// TestDurableOrder cuts the power at each step of the leader's way and looks at
// what the disk holds then (P2): the promise before anybody hears of the epoch, and the
// history before the epoch that stands on it.
func TestDurableOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		disk := vfs.NewMem()
		s := boot(t, disk)
		if err := <-propose(t, s.term(), "/a"); err != nil {
			t.Fatal(err)
		}
		disk = disk.CrashClone(nil, vfs.KeepAll)
		if err := s.down(); err != nil {
			t.Fatal(err)
		}
		steps := 0
		s = boot(t, disk, func(c *Config) {
			c.Events = func(e Event) {
				switch e := e.(type) {
				case EpochAccepted:
					steps++
					if got := afterPowerCut(t, disk).Epochs(); got.Accepted != e.Epoch || got.From != 1 || got.Current != e.Epoch-1 {
						t.Errorf("epoch %d is announced, the disk holds %+v", e.Epoch, got)
					}
				case EpochCurrent:
					steps++
					st := afterPowerCut(t, disk)
					if got := st.Epochs(); got.Current != e.Epoch {
						t.Errorf("epoch %d is current, the disk holds %+v", e.Epoch, got)
					}
					if st.Last() != txn.MakeZxid(1, 2) {
						t.Errorf("the epoch is durable on a log that ends at %v, want 1.2", st.Last())
					}
				}
			}
		})
		s.term()
		if err := s.down(); err != nil || steps != 2 {
			t.Fatalf("%v after %d of 2 steps", err, steps)
		}
	})
}

// afterPowerCut opens what a power cut would leave now.
func afterPowerCut(t *testing.T, disk *vfs.Mem) *store.Store {
	t.Helper()
	st, err := store.Open(context.Background(), store.Config{
		FS: disk.CrashClone(nil, vfs.KeepSynced), Dir: "/data", Server: 1, SegmentSize: small, Reserve: -1, Random: rand.Uint64,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return st
}

// TestNothingAppliedBeforeDurable: at the moment a batch is done, a power cut
// keeps it.
func TestNothingAppliedBeforeDurable(t *testing.T) {
	bubble(t, func(t *testing.T) {
		disk := vfs.NewMem()
		s := boot(t, disk)
		term := s.term()
		for _, path := range []string{"/a", "/b", "/c"} {
			b, done := batchOf(t, term, path)
			b.Done = func(error) {
				if at := s.store.Version().Zxid(); at != b.Zxid {
					t.Errorf("%s is done, reads are at %v, not %v", path, at, b.Zxid)
				}
				if last := afterPowerCut(t, disk).Last(); last < b.Zxid {
					t.Errorf("%s is done, the disk ends at %v, before %v", path, last, b.Zxid)
				}
				done = nil
			}
			if err := term.Propose(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if done != nil {
				t.Fatalf("%s is not done", path)
			}
		}
		if err := s.down(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestPlaceMarks: a batch without records is done after what was proposed before it.
func TestPlaceMarks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := boot(t, vfs.NewMem())
		term := s.term()
		var order []string
		note := func(what string) func(error) { return func(error) { order = append(order, what) } }
		for _, path := range []string{"/a", "/b"} {
			b, _ := batchOf(t, term, path)
			b.Done = note(path)
			if err := term.Propose(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			if err := term.Propose(t.Context(), &Batch{Zxid: term.Tip().Zxid(), Done: note("mark")}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if got := strings.Join(order, " "); got != "/a mark /b mark" {
			t.Errorf("done in the order %q", got)
		}
		if err := s.down(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestRollover: at the end of the counter the leader resigns at a batch boundary,
// with nothing lost, and leads in the next epoch (P13).
func TestRollover(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := boot(t, vfs.NewMem())
		term := s.term()
		term.counter = txn.MaxCounter - 1
		done := propose(t, term, "/last")
		if err := term.Ready(); !errors.Is(err, ErrRollover) {
			t.Fatalf("ready after counter %x: %v", term.counter, err)
		}
		if err := <-done; err != nil {
			t.Errorf("the last txn of the epoch: %v", err)
		}
		<-term.Over()
		if s.peer.Standing().Term == term {
			t.Error("a reign that is over is given out again")
		}
		next := s.term()
		if next.Epoch() != 2 {
			t.Errorf("next epoch %d, want 2", next.Epoch())
		}
		if err := <-propose(t, next, "/last/child"); err != nil {
			t.Error(err)
		}
		if err := s.down(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestPoisonedLogEndsThePeer: after a failed fdatasync nobody is told that a write
// happened, nor that it did not, and the server goes no further.
func TestPoisonedLogEndsThePeer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		broken, failing := errors.New("the disk is gone"), false
		disk := vfs.NewFaults(vfs.NewMem(), func(op vfs.Op) error {
			if failing && op.Kind == vfs.OpSync {
				return broken
			}
			return nil
		})
		s := boot(t, disk)
		term := s.term()
		synctest.Wait()
		failing = true
		err := <-propose(t, term, "/a")
		if !fault.Is(err, fault.Unknown) {
			t.Errorf("the write in flight: %v, want an unknown outcome", err)
		}
		<-term.Over()
		err = <-s.ended
		s.ended <- err
		if !errors.Is(err, broken) {
			t.Errorf("Run: %v, want the disk's error", err)
		}
		_ = s.down()
		if _, ok := s.store.Version().Get("/a"); ok {
			t.Error("/a is visible, and not durable")
		}
	})
}

// TestForeignStorageDoesNotCount: a data directory with another identity than the
// membership names cannot vouch for what the server acknowledged (P6).
func TestForeignStorageDoesNotCount(t *testing.T) {
	bubble(t, func(t *testing.T) {
		disk := vfs.NewMem()
		s := boot(t, disk)
		if err := <-propose(t, s.term(), "/a"); err != nil {
			t.Fatal(err)
		}
		if err := s.store.RenewStorage(); err != nil {
			t.Fatal(err)
		}
		if err := s.down(); err != nil {
			t.Fatal(err)
		}
		s = boot(t, disk)
		err := <-s.ended
		s.ended <- err
		if err == nil || !strings.Contains(err.Error(), "does not hold what the server acknowledged") {
			t.Errorf("a server with a foreign disk led: %v", err)
		}
		_ = s.down()
	})
}

// TestSync returns what is committed, and refuses without a leader.
func TestSync(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := boot(t, vfs.NewMem())
		if _, err := s.peer.Sync(t.Context()); err != nil && !fault.Is(err, fault.Unavailable) {
			t.Errorf("without a leader: %v", err)
		}
		term := s.term()
		if err := <-propose(t, term, "/a"); err != nil {
			t.Fatal(err)
		}
		if z, err := s.peer.Sync(t.Context()); err != nil || z != txn.MakeZxid(1, 2) {
			t.Errorf("synced to %v, %v; want 1.2", z, err)
		}
		if err := s.down(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.peer.Sync(t.Context()); !fault.Is(err, fault.Unavailable) {
			t.Errorf("after the end: %v", err)
		}
	})
}

// TestLoggedTxnsDecode: whatever a front end says of the author, what is logged can
// be read again. (A cut-off name once was not UTF-8, and the log could not be opened.)
func TestLoggedTxnsDecode(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := boot(t, vfs.NewMem())
		rec, _ := s.term().Log(txn.Header{Author: "digest:caf\xc3"}, &txn.Delete{Path: "/zookeeper/quota"})
		if x, err := txn.Decode(rec.Payload); err != nil || x.Author != "digest:caf\uFFFD" {
			t.Errorf("decoded %+v, %v", x, err)
		}
		if err := s.down(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestWhoHasServedLooksAtOnce: a role that came to serve and ended soon is no reason to hesitate, however often: it
// once was, and made failovers ten times as long.
func TestWhoHasServedLooksAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := boot(t, vfs.NewMem())
		term := s.term()
		began := time.Now()
		for range 5 {
			term.counter = txn.MaxCounter
			if err := term.Ready(); !errors.Is(err, ErrRollover) {
				t.Fatal(err)
			}
			<-term.Over()
			term = s.term()
		}
		if took := time.Since(began); took > minPause {
			t.Errorf("five elections took %v", took)
		}
		if err := s.down(); err != nil {
			t.Fatal(err)
		}
	})
}
