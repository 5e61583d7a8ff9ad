package peer

import (
	"context"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// rarely is how often at most a leader resigns for a reason that another server gives it.
const rarely = 30 * time.Second

// watch looks after the candidacy every half tick, until it ends.
func (l *leader) watch(ctx context.Context) error {
	pulse := time.NewTicker(l.timing.Tick / 2)
	defer pulse.Stop()
	lonely, disk := 0, progress{at: time.Now()}
	for {
		select {
		case <-pulse.C:
		case <-ctx.Done():
			return nil
		}
		l.enforceLimits()
		if l.accompanied() {
			lonely = 0
		} else if lonely++; lonely > 2 { // more than a tick: a stream that flaps comes back within one
			l.fail(l.loneliness())
		}
		l.watchDisk(&disk)
		l.readmit()
	}
}

// accompanied tells whether a quorum has streams here, this server included. A candidate is
// given time for that.
func (l *leader) accompanied() bool {
	select {
	case <-l.established:
	default:
		if time.Since(l.began) < l.timing.InitLimit {
			return true
		}
	}
	who, here := l.electorate(), map[txn.ServerID]bool{l.id: true}
	for _, s := range l.roster.list() {
		if who.counts(s.id, s.disk) {
			here[s.id] = true
		}
	}
	lost := l.notToBeHad()
	return who.Reached(func(id txn.ServerID) bool { return here[id] && !lost[id] })
}

func (l *leader) loneliness() error {
	select {
	case <-l.established:
		return errNoQuorum
	default:
		return errNobody
	}
}

// enforceLimits ends the streams of learners that are too slow.
func (l *leader) enforceLimits() {
	for _, s := range l.roster.all() {
		if err := s.overdue(l.timing); err != nil {
			s.fail(err)
		}
	}
}

// overdue returns why a stream must end, or nil. Each step of discovery has InitLimit; synchronization
// goes on as long as it comes forward; in broadcast any message shows life, and proposals must be
// acknowledged. Whoever waits for others is not to blame.
func (s *session) overdue(t Timing) error {
	s.mu.Lock()
	at, waits, heard, forward := s.mu.phase, s.mu.waits, time.Since(s.mu.heard), time.Since(s.mu.progress)
	s.mu.Unlock()
	switch {
	case waits:
		return nil
	case at == discovering && forward > t.InitLimit:
		return tooSlow("it has not finished discovery within %v", t.InitLimit)
	case at == synchronizing && forward > t.InitLimit:
		return tooSlow("its synchronization has not come forward for %v", t.InitLimit)
	case at >= synchronized && heard > t.SyncLimit:
		return tooSlow("it has been silent for %v", t.SyncLimit)
	}
	if bytes, oldest := s.flow.waiting(); oldest > t.SyncLimit {
		return tooSlow("it has left %d bytes of proposals unacknowledged for %v", bytes, t.SyncLimit)
	}
	return nil
}

func tooSlow(format string, args ...any) *Rejection {
	return reject(quorumv1.RefusalReason_REFUSAL_REASON_TOO_SLOW, "the learner is too slow: "+format, args...)
}

// progress is how far the own disk was when it last came forward.
type progress struct {
	durable txn.Zxid
	at      time.Time
}

// watchDisk resigns when this server's disk stalls and a quorum of the others' does not: heartbeats
// still flow then, and writes would wait for ever. Rarely, since the next leader may be no better.
func (l *leader) watchDisk(p *progress) {
	select {
	case <-l.established:
	default:
		return
	}
	durable, committed := l.store.Durable(), l.term.Committed()
	if durable > p.durable || durable >= committed {
		*p = progress{durable, time.Now()}
	}
	if l.timing.StallLimit < 0 || time.Since(p.at) < l.timing.StallLimit {
		return
	}
	l.Peer.mu.Lock()
	may := l.Peer.mu.stalled.IsZero() || time.Since(l.Peer.mu.stalled) >= rarely
	if may {
		l.Peer.mu.stalled = time.Now()
	}
	l.Peer.mu.Unlock()
	if may {
		l.fail(errStalled)
	}
}

// readmit takes a voter with another disk than the membership names into it, once that is
// synchronized: one at a time, and it counts when the txn is committed (P6).
func (l *leader) readmit() {
	select {
	case <-l.established:
	default:
		return
	}
	who := l.electorate()
	l.mu.Lock()
	underway := l.mu.readmitted == who.version
	l.mu.Unlock()
	if who.version == 0 || underway {
		return
	}
	for _, s := range l.roster.list() {
		if s.phase() != serving || !s.durable || !who.votes(s.id) || who.counts(s.id, s.disk) {
			continue
		}
		l.mu.Lock()
		l.mu.readmitted = who.version
		l.mu.Unlock()
		l.emit(Readmitting{s.id, s.disk})
		l.requests(Request{Op: withDisk(who.membership, s.id, s.disk), Caller: tree.Super(), Author: "quorate:readmission"}, func(_ Reply, err error) {
			if err != nil { // try again at the next look
				l.mu.Lock()
				l.mu.readmitted = ^txn.Zxid(0)
				l.mu.Unlock()
			}
		})
		return
	}
}

// withDisk asks for the membership with another disk for one server.
func withDisk(m txn.Membership, id txn.ServerID, disk txn.StorageID) tree.Request {
	next := txn.Membership{Ensemble: m.Ensemble}
	for _, member := range m.Members {
		if member.ID == id {
			member.Storage = disk
		}
		next.Members = append(next.Members, member)
	}
	return &tree.MembershipRequest{Membership: next}
}
