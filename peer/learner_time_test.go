package peer

import (
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// slow is a disk whose syncs wait while it is held.
type slow struct {
	*vfs.Faults
	mu struct {
		sync.Mutex
		held chan struct{} // closed by the release; nil while nothing is held
	}
}

func newSlow() *slow {
	d := &slow{}
	d.Faults = vfs.NewFaults(vfs.NewMem(), func(op vfs.Op) error {
		d.mu.Lock()
		held := d.mu.held
		d.mu.Unlock()
		if held != nil && op.Kind == vfs.OpSync && strings.Contains(op.Name, "/log/") {
			<-held
		}
		return nil
	})
	return d
}

// hold stops all syncs of the log until release.
func (d *slow) hold() (release func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	held := make(chan struct{})
	d.mu.held = held
	return func() {
		d.mu.Lock()
		d.mu.held = nil
		d.mu.Unlock()
		close(held)
	}
}

// TestSilentLeader: each phase has its patience, and any word of the leader is a sign of life.
func TestSilentLeader(t *testing.T) {
	const initLimit, syncLimit = 10 * time.Second, 2 * time.Second // the defaults
	for _, c := range []struct {
		name  string
		enter func(*script)
		alive *quorumv1.SyncResponse // said shortly before the end, where the phase allows one
		limit time.Duration
	}{
		{"before LeaderInfo", func(s *script) { s.hear() }, nil, initLimit},
		{"before the plan", func(s *script) { s.greet(1) }, ping(0), initLimit},
		{"before NewLeader", func(s *script) { s.greet(1); s.say(diff(0)) }, ping(0), initLimit},
		{"before UpToDate", func(s *script) { s.greet(1); s.say(diff(0)); s.say(newLeaderMsg(1, 0)); s.hear() }, ping(0), initLimit},
		{"in broadcast", func(s *script) { s.greet(1); s.say(diff(0)); s.settle(1, 0, 0) }, ping(0), syncLimit},
		{"in broadcast, with commits", func(s *script) { s.greet(1); s.say(diff(0)); s.settle(1, 0, 0) }, commit(0), syncLimit},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := awake(t, vfs.NewMem())
			defer f.asleep()
			s, ended := f.follow(Following)
			c.enter(s)
			if c.alive != nil {
				time.Sleep(c.limit - time.Millisecond)
				if !s.say(c.alive) {
					t.Fatalf("%s: the leader was given up too early", c.name)
				}
			}
			began := time.Now()
			err := <-ended
			if took := time.Since(began); took != c.limit || !strings.Contains(err.Error(), "silent") {
				t.Errorf("%s: after %v: %v", c.name, took, err)
			}
		})
	}
}

// TestSlowDiskIsNobodysFault: while the own disk holds everything up, a leader that cannot be
// heard is not blamed; it is told that the learner lives, and what was sent is neither lost nor
// held in memory: the learner stops reading.
func TestSlowDiskIsNobodysFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := newSlow()
		const buffer = 64 << 10
		f := awake(t, disk, func(c *store.Config, _ *Config) { c.Buffer = buffer })
		defer f.asleep()
		s, ended := f.follow(Following)
		h := newAnnals(t)
		s.lead(1, h)

		release := disk.hold()
		blocked, taken := make(chan int, 1), 0
		go func() {
			for ; taken < 40; taken++ {
				prev := h.last()
				h.does(1, &tree.CreateRequest{Path: "/" + strings.Repeat("n", taken+1), ACL: tree.OpenACL(), Data: make([]byte, 8<<10)})
				s.say(proposal(prev, h.after(prev), prev))
			}
			blocked <- taken
		}()
		synctest.Wait()
		if taken > 3*buffer/(8<<10) {
			t.Errorf("%d proposals of 8 KiB were taken with a buffer of %d bytes", taken, buffer)
		}
		pings := 0
		for range 600 { // a minute, more than any limit
			time.Sleep(100 * time.Millisecond)
			if s.pinged() != nil {
				pings++
			}
		}
		if pings != 600 {
			t.Errorf("%d pings in 600 half ticks", pings)
		}
		release()
		if <-blocked != 40 {
			t.Error("not all was taken in the end")
		}
		s.say(commit(h.last()))
		synctest.Wait()
		f.isAt(h)
		s.end(io.EOF)
		<-ended
	})
}

// TestPings: the newest round is echoed at once, also of several that came together, and again by
// the learner's own clock; before the epoch there is nothing to ping for.
func TestPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := awake(t, vfs.NewMem())
		defer f.asleep()
		s, ended := f.follow(Following)
		s.greet(1)
		if s.pinged() != nil {
			t.Error("a ping before its time")
		}
		s.say(ping(7))
		if p := s.pinged(); p.GetRound() != 7 {
			t.Errorf("echoed %v, want round 7", p)
		}
		s.say(ping(5)) // cannot be, and changes nothing
		if p := s.pinged(); p == nil || p.GetRound() != 7 {
			t.Errorf("echoed %v, want round 7 again", p)
		}
		time.Sleep(99 * time.Millisecond)
		if s.pinged() != nil {
			t.Error("a ping of the own clock before half a tick")
		}
		time.Sleep(time.Millisecond)
		if p := s.pinged(); p.GetRound() != 7 {
			t.Errorf("the own clock says %v", p)
		}
		s.end(io.EOF)
		<-ended
	})
}

// TestDurableBytes: pings tell how far the learner has come, in every part of a synchronization:
// what was only received does not count.
func TestDurableBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := newSlow()
		f := awake(t, disk)
		defer f.asleep()
		h := newAnnals(t).adds(1, "/a", "/b", "/c")
		s, ended := f.follow(Following)
		s.greet(1)
		words := snapshot(h.versions[1], 64)
		all := uint64(0)
		for _, m := range words[:len(words)-1] {
			s.say(m)
			all += uint64(len(m.GetSnapshot().GetChunk().GetData()))
		}
		tells := func(when string, want uint64) {
			t.Helper()
			synctest.Wait()
			s.say(ping(1))
			if got := s.pinged().GetDurableBytes(); got != want {
				t.Errorf("%s: %d durable bytes, want %d", when, got, want)
			}
		}
		tells("chunks written", all)
		s.say(words[len(words)-1])
		tells("snapshot installed", all)
		release := disk.hold()
		s.say(proposal(h.recs[1].Zxid, h.recs[2:], 0))
		tells("a record appended", all)
		release()
		tells("a record durable", all+uint64(len(h.recs[2].Payload)))
		s.end(io.EOF)
		<-ended
	})
}

// TestHeartbeatGetsThrough: however much there is to say, a ping is never more than a message late.
func TestHeartbeatGetsThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := awake(t, vfs.NewMem())
		defer f.asleep()
		const each = 30 * time.Millisecond // a stream that takes its time
		var last time.Time
		late := time.Duration(0)
		f.sent = func(m *quorumv1.SyncRequest) {
			switch {
			case m.GetPing() != nil:
				if !last.IsZero() {
					late = max(late, time.Since(last))
				}
				last = time.Now()
			case m.GetRequest() != nil:
				time.Sleep(each)
			}
		}
		s, ended := f.follow(Following)
		s.lead(1, newAnnals(t))
		up := f.peer.Standing().Upstream
		const n = 60
		for range n {
			up.Submit(Request{Op: &tree.DeleteRequest{Path: "/a"}}, func(Reply, error) {})
		}
		for range n {
			s.hear()
			s.say(commit(0)) // or the learner would give the leader up
		}
		s.end(io.EOF)
		<-ended
		if late > 100*time.Millisecond+each || late == 0 {
			t.Errorf("%v between two pings", late)
		}
	})
}

// TestAcksComeAfterTheWord: on the wire AckNewLeader comes before any Ack, though all that it stands
// for was durable long before (ZOOKEEPER-4685), and Acks are cumulative.
func TestAcksComeAfterTheWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newAnnals(t).adds(1, "/a", "/b")
		f := awake(t, vfs.NewMem())
		defer f.asleep()
		s, ended := f.follow(Following)
		s.greet(1)
		s.say(diff(0))
		s.say(proposal(0, h.recs, 0))
		time.Sleep(time.Second)
		if !s.heardNothing() {
			t.Error("something was acknowledged before NewLeader")
		}
		s.settle(1, h.last(), h.last())
		if !s.heardNothing() {
			t.Error("what AckNewLeader stands for was acknowledged once more")
		}
		before := h.last()
		h.adds(1, "/c", "/d", "/e")
		s.say(proposal(before, h.after(before), before))
		if ack := s.hear().GetAck(); txn.Zxid(ack.GetZxid()) != h.last() || !s.heardNothing() {
			t.Errorf("acknowledged %v, want one for all up to %v", ack, h.last())
		}
		s.end(io.EOF)
		<-ended
	})
}
