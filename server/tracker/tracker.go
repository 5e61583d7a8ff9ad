package tracker

import (
	"context"
	"slices"
	"sync"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/store/txn"
)

// kept is how many messages of a stream are remembered. Of pings in a row only the last each
// way are, or on a quiet stream nothing else would be left.
const kept = 32

// Conversation is the end of what was said on a stream.
type Conversation struct {
	// Server is at the other end; 0 if it has not said who it is.
	Server txn.ServerID
	// Leading tells whether this server is the leader's end; otherwise it is the learner's.
	Leading bool
	// Began is when the stream did; Total counts its messages so far.
	Began time.Time
	Total uint64
	// Messages are the last ones, the oldest first; at most 32.
	Messages []Message
}

// Events are what a tracker tells; a nil function is not called. None may block.
type Events struct {
	// Ended: a stream has, and why.
	Ended func(c Conversation, cause error)
	// Said: a message was sent or received; leading tells which end this server is.
	Said func(m Message, leading bool)
	// Acked: a learner has acknowledged a batch, so long after it was sent. It is a sample:
	// one batch at a time is watched on a stream.
	Acked func(learner txn.ServerID, took time.Duration)
}

// Tracker remembers what is said on all streams of one server. Its methods may be called by anybody.
type Tracker struct {
	events Events
	mu     struct {
		sync.Mutex
		open []*recorder // in the order in which they began
	}
}

// New returns a tracker.
func New(e Events) *Tracker { return &Tracker{events: e} }

// Conversations returns those that are open with a server, or all for 0; the oldest first.
func (t *Tracker) Conversations(with txn.ServerID) []Conversation {
	t.mu.Lock()
	open := slices.Clone(t.mu.open)
	t.mu.Unlock()
	var all []Conversation
	for _, r := range open {
		if c := r.conversation(); with == 0 || c.Server == with {
			all = append(all, c)
		}
	}
	return all
}

func (t *Tracker) begin(server txn.ServerID, leading bool) *recorder {
	r := &recorder{events: &t.events, leading: leading, began: time.Now()}
	r.mu.server = server
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.open = append(t.mu.open, r)
	return r
}

func (t *Tracker) end(r *recorder, cause error) {
	t.mu.Lock()
	t.mu.open = slices.DeleteFunc(t.mu.open, func(o *recorder) bool { return o == r })
	t.mu.Unlock()
	if t.events.Ended != nil {
		t.events.Ended(r.conversation(), cause)
	}
}

// Peer answers what other servers begin; a [peer.Peer] does.
type Peer interface {
	// ServeSync serves a learner's stream until it ends.
	ServeSync(peer.LeaderStream) error
	// ServeExchange serves a stream of notifications until it ends.
	ServeExchange(peer.ExchangeServer) error
}

// Serve returns p with its streams of Learner.Sync tracked.
func (t *Tracker) Serve(p Peer) Peer { return &served{p, t} }

type served struct {
	Peer
	tracker *Tracker
}

// ServeSync serves a stream that is tracked until it has been served.
func (s *served) ServeSync(stream peer.LeaderStream) error {
	r := s.tracker.begin(0, true)
	err := s.Peer.ServeSync(&leaderStream{stream, r})
	s.tracker.end(r, err)
	return err
}

// Dial returns d with the streams of Learner.Sync that it opens tracked.
func (t *Tracker) Dial(d peer.Dialer) peer.Dialer { return &dialer{d, t} }

type dialer struct {
	peer.Dialer
	tracker *Tracker
}

// Sync opens a stream that is tracked until its context ends.
func (d *dialer) Sync(ctx context.Context, to txn.Member) (peer.LearnerStream, error) {
	stream, err := d.Dialer.Sync(ctx, to)
	if err != nil {
		return nil, err
	}
	r := d.tracker.begin(to.ID, false)
	context.AfterFunc(stream.Context(), func() { d.tracker.end(r, context.Cause(stream.Context())) })
	return &learnerStream{stream, r}, nil
}

type leaderStream struct {
	peer.LeaderStream
	*recorder
}

// Send remembers what was sent.
func (s *leaderStream) Send(m *quorumv1.SyncResponse) error {
	s.note(response(m), true)
	if p := m.GetProposal(); p.GetCommitted() != 0 { // not in synchronization, where nobody acknowledges
		s.watch(p.GetTxns())
	}
	return s.LeaderStream.Send(m)
}

// Recv remembers what is received, and who has sent it.
func (s *leaderStream) Recv() (*quorumv1.SyncRequest, error) {
	m, err := s.LeaderStream.Recv()
	if err == nil {
		if info := m.GetInfo(); info != nil {
			s.name(txn.ServerID(info.GetId()))
		}
		s.note(request(m), false)
		if ack := m.GetAck(); ack != nil {
			s.acked(txn.Zxid(ack.GetZxid()))
		}
	}
	return m, err
}

type learnerStream struct {
	peer.LearnerStream
	*recorder
}

// Send remembers what was sent.
func (s *learnerStream) Send(m *quorumv1.SyncRequest) error {
	s.note(request(m), true)
	return s.LearnerStream.Send(m)
}

// Recv remembers what is received.
func (s *learnerStream) Recv() (*quorumv1.SyncResponse, error) {
	m, err := s.LearnerStream.Recv()
	if err == nil {
		s.note(response(m), false)
	}
	return m, err
}

// recorder is the ring of one stream.
type recorder struct {
	events  *Events
	leading bool
	began   time.Time
	mu      struct {
		sync.Mutex
		server  txn.ServerID
		watched struct { // the batch whose acknowledgement is waited for; none: zxid 0
			last txn.Zxid
			sent time.Time
		}
		total uint64
		noted uint64 // the next one's place is noted modulo kept
		ring  [kept]Message
	}
}

func (r *recorder) name(server txn.ServerID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.server = server
}

func (r *recorder) note(m Message, sent bool) {
	m.At, m.Sent = time.Now(), sent
	if r.events.Said != nil {
		r.events.Said(m, r.leading)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.total++
	if m.Step == ping && r.replace(m) {
		return
	}
	r.mu.ring[r.mu.noted%kept] = m
	r.mu.noted++
}

// watch notes when a batch is sent, if no other is watched.
func (r *recorder) watch(txns [][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.events.Acked == nil || len(txns) == 0 || r.mu.watched.last != 0 {
		return
	}
	if last, err := txn.ZxidOf(txns[len(txns)-1]); err == nil {
		r.mu.watched.last, r.mu.watched.sent = last, time.Now()
	}
}

// acked takes an acknowledgement.
func (r *recorder) acked(z txn.Zxid) {
	r.mu.Lock()
	watched, server := r.mu.watched, r.mu.server
	if watched.last == 0 || z < watched.last {
		r.mu.Unlock()
		return
	}
	r.mu.watched.last = 0
	r.mu.Unlock()
	r.events.Acked(server, time.Since(watched.sent))
}

// replace puts a ping in the place of the one before it in the same direction, if there was nothing
// but pings since.
func (r *recorder) replace(m Message) bool {
	for back := range min(r.mu.noted, 2) {
		old := &r.mu.ring[(r.mu.noted-1-back)%kept]
		if old.Step != ping {
			return false
		}
		if old.Sent == m.Sent {
			*old = m
			return true
		}
	}
	return false
}

func (r *recorder) conversation() Conversation {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := Conversation{Server: r.mu.server, Leading: r.leading, Began: r.began, Total: r.mu.total}
	for i := r.mu.noted - min(r.mu.noted, kept); i < r.mu.noted; i++ {
		c.Messages = append(c.Messages, r.mu.ring[i%kept])
	}
	return c
}
