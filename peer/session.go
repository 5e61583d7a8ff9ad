package peer

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/peer/resync"
	"github.com/quorate/quorate/store/txn"
)

// protocol is the version of the conversation.
const protocol = 1

// holdOn is how long a learner that has come too early is kept waiting: followers
// decide up to a round trip before their leader does.
const holdOn = 250 * time.Millisecond

// errHungUp is why a stream has ended that this side did not end.
var errHungUp = errors.New("the learner has ended the stream, or the connection is lost")

// phase is how far a session has come.
type phase uint8

const (
	discovering   phase = iota // until the epoch is promised
	synchronizing              // until NewLeader is acknowledged
	synchronized               // until the quorum is complete
	serving                    // broadcast
)

// session is the leader's side of one learner's stream.
type session struct {
	lead   *leader
	stream LeaderStream
	fail   context.CancelCauseFunc // ends the stream, with the cause
	wake   chan struct{}           // one token when there is something for the pump

	// Who it is; set by the first message, before it is named in the roster.
	id       txn.ServerID
	disk     txn.StorageID
	nonce    uint64
	accepted txn.Epoch
	durable  bool
	votes    bool // the membership lists it as a voter

	acked chan struct{} // closed when NewLeader is acknowledged
	flow  flow

	mu struct {
		sync.Mutex
		phase    phase
		gone     bool                     // ended or replaced: it counts no more
		waits    bool                     // for others: not to blame
		asked    bool                     // NewLeader was sent
		heard    time.Time                // when it last said something
		progress time.Time                // when it last came forward
		written  uint64                   // bytes it says are durable
		round    uint64                   // of the last ping sent
		echoed   uint64                   // the newest it has answered
		pinged   time.Time                // when
		replies  []*quorumv1.SyncResponse // on their way to it
		owed     int                      // answers that it waits for, replies among them; at most maxReplies
		room     chan struct{}            // closed when there is room for more; nil unless somebody waits
		sync     SyncStatus
	}
}

// maxReplies bounds what a learner may ask before it takes the answers: beyond it nothing more of it is
// read. More than a learner ever has underway.
const maxReplies = 1 << 14

// ServeSync speaks the leader's side of a learner's stream until that ends. When it returns, the
// transport must end the stream. The error says why, if it is a *[Rejection] to the learner too.
func (p *Peer) ServeSync(stream LeaderStream) error {
	if err := p.admit(); err != nil {
		return err
	}
	defer p.serving.Done()
	lead, err := p.awaitCandidacy(stream.Context())
	if err != nil {
		return err
	}
	ctx, fail := context.WithCancelCause(stream.Context())
	defer fail(nil)
	now := time.Now()
	s := &session{lead: lead, stream: stream, fail: fail, wake: make(chan struct{}, 1), acked: make(chan struct{})}
	s.mu.heard, s.mu.progress, s.mu.pinged = now, now, now
	if !lead.roster.enter(s) {
		return p.notLeading()
	}
	stop := context.AfterFunc(lead.ctx, func() { fail(over(context.Cause(lead.ctx))) })
	defer stop()
	return s.converse(ctx)
}

// awaitCandidacy returns who leads here, if that is so soon.
func (p *Peer) awaitCandidacy(ctx context.Context) (*leader, error) {
	patience := time.NewTimer(holdOn)
	defer patience.Stop()
	for {
		now := p.Standing()
		if now.candidacy != nil {
			return now.candidacy, nil
		}
		if now.Role != Looking {
			return nil, p.notLeading()
		}
		select {
		case <-now.Changed:
		case <-patience.C:
			return nil, p.notLeading()
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (p *Peer) notLeading() *Rejection {
	r := reject(quorumv1.RefusalReason_REFUSAL_REASON_NOT_LEADER, "server %d does not lead", p.id)
	r.Leader = p.Standing().Leader
	return r
}

// over is what learners are told when the candidacy ends.
func over(cause error) *Rejection {
	r := reject(quorumv1.RefusalReason_REFUSAL_REASON_RESIGNED, "the leader's reign is over: %v", cause)
	var asked *resignation
	if errors.As(cause, &asked) {
		r.Leader = asked.successor
	}
	return r
}

// converse carries the conversation until it or ctx ends. A server's end of a stream cannot be
// interrupted but by returning to the transport, so the conversation has a goroutine of its own,
// which ends with the stream; the roster waits for it.
func (s *session) converse(ctx context.Context) error {
	go func() {
		defer s.lead.roster.wg.Done()
		s.fail(s.serve(ctx))
	}()
	<-ctx.Done() // serve's end brings it about
	cause := context.Cause(ctx)
	if errors.Is(cause, context.Canceled) { // by gRPC, which knows no more
		cause = errHungUp
	}
	if s.lead.roster.leave(s) {
		s.lead.emit(LearnerGone{s.id, cause})
	}
	return cause
}

// serve is the conversation; it reads as the protocol.
func (s *session) serve(ctx context.Context) error {
	// Discovery
	if err := s.introduce(ctx); err != nil {
		return err
	}
	epoch, err := s.lead.awaitEpoch(ctx, s)
	if err != nil {
		return err
	}
	if err := s.send(&quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Info{Info: s.lead.info(epoch)}}); err != nil {
		return err
	}
	ack, err := s.recvAckEpoch()
	if err != nil {
		return err
	}
	if err := s.lead.joinEpoch(ctx, s, ack); err != nil {
		return err
	}

	// Synchronization
	s.lead.roster.wg.Add(1)
	go s.listen()
	plan, err := s.lead.subscribe(s, ack)
	if err != nil {
		return err
	}
	defer plan.close()
	release, err := s.lead.throttle.admit(plan.Kind, s.votes)
	if err != nil {
		return err
	}
	defer release()
	if err := s.execute(ctx, plan); err != nil {
		return err
	}
	if err := s.newLeader(ctx, epoch, plan); err != nil {
		return err
	}
	release()
	if err := s.lead.establishWith(ctx, s, plan.mark); err != nil {
		return err
	}

	// Broadcast
	committed, err := s.upToDate()
	if err != nil {
		return err
	}
	return s.pump(ctx, plan.cursor, committed)
}

// introduce takes the learner's first message.
func (s *session) introduce(ctx context.Context) error {
	m, err := s.stream.Recv()
	if err != nil {
		return err
	}
	info := m.GetInfo()
	if info == nil {
		return malformed("the first message is %s, not LearnerInfo", stepName(m))
	}
	if err := s.lead.check(info); err != nil {
		return err
	}
	s.id, s.disk, s.nonce = txn.ServerID(info.GetId()), txn.StorageID(info.GetStorage()), info.GetNonce()
	s.accepted, s.durable = txn.Epoch(info.GetAcceptedEpoch()), info.GetDurable()
	s.votes = s.lead.electorate().votes(s.id)
	if s.votes && !s.durable {
		return malformed("server %d is a voter: it must keep a log", s.id)
	}
	old, err := s.lead.roster.name(s, s.lead.timing.Tick)
	if err != nil {
		return err
	}
	if old != nil {
		old.fail(reject(quorumv1.RefusalReason_REFUSAL_REASON_REPLACED, "server %d has opened another stream", s.id))
	}
	s.lead.emit(LearnerCame{s.id, s.accepted, s.lead.electorate().counts(s.id, s.disk)})
	return nil
}

// check refuses whoever cannot take part.
func (l *leader) check(info *quorumv1.LearnerInfo) error {
	own := l.ensemble()
	switch {
	case info.GetId() == 0 || info.GetId() > uint32(txn.MaxServerID):
		return malformed("there is no server %d: ids are %d to %d", info.GetId(), txn.MinServerID, txn.MaxServerID)
	case txn.ServerID(info.GetId()) == l.id:
		return reject(quorumv1.RefusalReason_REFUSAL_REASON_DUPLICATE, "server %d is the leader itself: another process runs with its id", l.id)
	case info.GetProtocol() != protocol:
		return reject(quorumv1.RefusalReason_REFUSAL_REASON_PROTOCOL, "the learner speaks version %d of the protocol, the leader version %d", info.GetProtocol(), protocol)
	case info.GetEnsemble() != 0 && uint64(own) != info.GetEnsemble():
		return reject(quorumv1.RefusalReason_REFUSAL_REASON_WRONG_ENSEMBLE, "the learner belongs to ensemble %v, the leader to %v", txn.EnsembleID(info.GetEnsemble()), own)
	case info.GetStorage() == 0 || info.GetNonce() == 0:
		return malformed("LearnerInfo without storage identity or nonce")
	case info.GetAcceptedEpoch() > uint32(txn.MaxEpoch):
		return malformed("LearnerInfo with epoch %d, beyond the last", info.GetAcceptedEpoch())
	}
	return nil
}

// recvAckEpoch takes the learner's answer to LeaderInfo.
func (s *session) recvAckEpoch() (*quorumv1.AckEpoch, error) {
	for {
		m, err := s.stream.Recv()
		if err != nil {
			return nil, err
		}
		s.hear()
		switch step := m.GetStep().(type) {
		case *quorumv1.SyncRequest_Ping:
			continue
		case *quorumv1.SyncRequest_AckEpoch:
			ack := step.AckEpoch
			if ack.GetCurrentEpoch() > uint32(s.lead.epoch) || ack.GetFloor() > ack.GetLastZxid() {
				return nil, malformed("AckEpoch makes no sense: current epoch %d, last %v, floor %v", ack.GetCurrentEpoch(), txn.Zxid(ack.GetLastZxid()), txn.Zxid(ack.GetFloor()))
			}
			s.lead.emit(LearnerPromised{s.id, txn.Epoch(ack.GetCurrentEpoch()), txn.Zxid(ack.GetLastZxid()), ack.GetCounts()})
			return ack, nil
		default:
			return nil, malformed("%s where AckEpoch belongs", stepName(m))
		}
	}
}

// newLeader ends the history and waits until the learner has made it and the epoch durable.
func (s *session) newLeader(ctx context.Context, epoch txn.Epoch, p *plan) error {
	who := s.lead.electorate()
	m := &quorumv1.NewLeader{Epoch: uint32(epoch), LastZxid: uint64(p.mark), MembershipZxid: uint64(who.version)}
	if who.version != 0 {
		m.Membership = encodeMembership(who.membership)
	}
	s.mu.Lock()
	s.mu.asked = true
	s.mu.Unlock()
	if err := s.send(&quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_NewLeader{NewLeader: m}}); err != nil {
		return err
	}
	if err := s.waitPinging(ctx, s.acked); err != nil {
		return err
	}
	s.syncEnds(p)
	return nil
}

// upToDate lets the learner serve (P12).
func (s *session) upToDate() (committed txn.Zxid, err error) {
	committed = s.lead.term.Committed()
	s.mu.Lock()
	s.mu.phase = serving
	s.mu.Unlock()
	s.lead.roster.news.light()
	s.lead.emit(LearnerServes{s.id, committed})
	return committed, s.send(&quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_UpToDate{UpToDate: &quorumv1.UpToDate{Committed: uint64(committed)}}})
}

// waitPinging waits for a step of somebody else, and meanwhile shows that the leader lives.
func (s *session) waitPinging(ctx context.Context, done <-chan struct{}) error {
	pulse := time.NewTicker(s.lead.timing.Tick / 2)
	defer pulse.Stop()
	for {
		select {
		case <-done:
			if ctx.Err() != nil { // both are true: what follows would be in vain
				return context.Cause(ctx)
			}
			return nil
		case <-pulse.C:
			if err := s.ping(); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// ping tells the newest round.
func (s *session) ping() error {
	round := s.lead.rounds.latest()
	s.mu.Lock()
	s.mu.round, s.mu.pinged = round, time.Now()
	s.mu.Unlock()
	return s.send(&quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Ping{Ping: &quorumv1.Ping{Round: round}}})
}

// pingDue tells whether it is time for a ping, or how long until then.
func (s *session) pingDue() (bool, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := s.lead.timing.Tick/2 - time.Since(s.mu.pinged)
	return left <= 0 || s.mu.phase == serving && s.mu.round < s.lead.rounds.latest(), left
}

// send is for the goroutine of serve alone.
func (s *session) send(m *quorumv1.SyncResponse) error {
	err := s.stream.Send(m)
	if errors.Is(err, io.EOF) {
		return errors.New("the learner has ended the stream")
	}
	return err
}

func (s *session) phase() phase {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.phase
}

// silent returns for how long nothing was heard of the learner.
func (s *session) silent() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.mu.heard)
}

// hear notes that the learner lives.
func (s *session) hear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.heard = time.Now()
}

// advance notes that the synchronization comes forward.
func (s *session) advance(kind resync.Kind, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.progress = time.Now()
	s.mu.sync.Kind = kind
	s.mu.sync.Bytes += int64(bytes)
}
