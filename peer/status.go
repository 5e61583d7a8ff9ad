package peer

import (
	"time"

	"github.com/quorate/quorate/peer/election"
	"github.com/quorate/quorate/peer/resync"
	"github.com/quorate/quorate/store/txn"
)

// Status is what a peer is doing.
type Status struct {
	Role Role
	// Leader is who leads, as far as known; 0 without.
	Leader txn.ServerID
	// LeaderPort is the port on which a leader that this server follows serves clients; 0 if unknown.
	LeaderPort uint16
	// Reason says why there is no leader; empty when there is one.
	Reason string
	// Epoch is the current epoch, as it stands on disk; Accepted the one last promised.
	Epoch, Accepted txn.Epoch
	// Committed is the greatest zxid known to be committed.
	Committed txn.Zxid
	// Members are the servers by the newest membership this server knows; MembersZxid is that of
	// the txn that made it, 0 before the ensemble is founded.
	Members     []MemberStatus
	MembersZxid txn.Zxid
	// Election is where this server's part in the election stands.
	Election election.Status
	// PendingSyncs are the reads that wait until a quorum has proven that this server still leads; the leader's only.
	PendingSyncs int
	// Learners are those with a stream to this server, in the order of their ids; the leader's only.
	Learners []LearnerStatus
}

// MemberStatus is one member.
type MemberStatus struct {
	txn.Member
	// Address is where this server dials it.
	Address string
}

// SyncStatus is how a learner came to have the leader's history.
type SyncStatus struct {
	// Kind is how; 0 before it was decided.
	Kind resync.Kind
	// Began is when, Took how long; Took is 0 while it goes on.
	Began time.Time
	Took  time.Duration
	// Bytes were sent, of chunks and txns.
	Bytes int64
}

// LearnerStatus is a learner as its leader sees it.
type LearnerStatus struct {
	ID txn.ServerID
	// State is how far its stream has come: discovering, synchronizing, synchronized or serving.
	State string
	// Votes tells whether the membership lists it as a voter, Counts whether with the disk that it has.
	Votes, Counts bool
	Storage       txn.StorageID
	// Acked is how far its log is durable. LagTxns and LagBytes are what it lacks: txns of the
	// same epoch behind the leader's last, and bytes sent and not acknowledged.
	Acked    txn.Zxid
	LagTxns  int64
	LagBytes int64
	// Owed are the requests that it has asked and has no answer to yet.
	Owed int
	// Silent is for how long nothing was heard of it.
	Silent time.Duration
	Sync   SyncStatus
}

// Status tells what the peer is doing.
func (p *Peer) Status() Status {
	now, epochs, e := p.Standing(), p.store.Epochs(), p.elector.status()
	s := Status{
		Role: now.Role, Leader: now.Leader, LeaderPort: now.LeaderPort, Reason: reasonOf(now), Epoch: epochs.Current, Accepted: epochs.Accepted,
		Committed: p.store.Version().Zxid(), MembersZxid: e.View.Version, Election: e,
	}
	for _, m := range e.View.Membership.Members {
		told, _ := memberOf(m.ID, p.members, e.View.Membership.Members)
		s.Members = append(s.Members, MemberStatus{Member: m, Address: told.Address})
	}
	if now.Term != nil {
		s.Committed = now.Term.Committed()
	}
	if now.candidacy != nil {
		s.Learners = now.candidacy.learners()
		s.PendingSyncs = now.candidacy.rounds.pending()
	}
	return s
}

// learners returns the status of all who said who they are.
func (l *leader) learners() []LearnerStatus {
	var all []LearnerStatus
	for _, s := range l.roster.list() {
		all = append(all, s.status())
	}
	return all
}

func (s *session) status() LearnerStatus {
	who := s.lead.electorate()
	st := LearnerStatus{ID: s.id, Votes: who.votes(s.id), Counts: who.counts(s.id, s.disk), Storage: s.disk, Silent: s.silent()}
	st.LagBytes, _ = s.flow.waiting()
	s.mu.Lock()
	st.State, st.Sync, st.Owed = s.mu.phase.String(), s.mu.sync, s.mu.owed
	s.mu.Unlock()
	select {
	case <-s.lead.established:
		st.Acked = s.lead.term.acks.of(s.id)
		if last := s.lead.feed.last(); last > st.Acked && last.Epoch() == st.Acked.Epoch() {
			st.LagTxns = int64(last.Counter()) - int64(st.Acked.Counter())
		}
	default:
	}
	return st
}

func (p phase) String() string {
	return [...]string{"discovering", "synchronizing", "synchronized", "serving"}[p]
}

// syncBegins notes the beginning of the synchronization.
func (s *session) syncBegins() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.phase = synchronizing
	s.mu.progress = time.Now()
	s.mu.sync = SyncStatus{Began: s.mu.progress}
}

// syncEnds notes its end.
func (s *session) syncEnds(p *plan) {
	s.mu.Lock()
	s.mu.sync.Kind = p.Kind
	s.mu.sync.Took = time.Since(s.mu.sync.Began)
	done := s.mu.sync
	s.mu.Unlock()
	s.lead.emit(LearnerSynced{s.id, p.Kind, done.Took, done.Bytes})
}
