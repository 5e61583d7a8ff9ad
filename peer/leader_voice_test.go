package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	txnv1 "github.com/quorate/quorate/gen/quorate/txn/v1"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// voice is one stream of a learner to the court, and the leader's end of that stream. What the
// learner says is a test's, or follows by itself as far as the test lets it.
type voice struct {
	c       *court
	id      txn.ServerID
	disk    txn.StorageID
	nonce   uint64
	durable bool

	ctx  context.Context
	hang context.CancelCauseFunc
	up   chan *quorumv1.SyncRequest
	quit chan struct{} // closed when the learner has closed its side
	err  error         // what ServeSync returned; set before over is closed
	over chan struct{}

	mu struct {
		sync.Mutex
		log      learnt
		heard    []*quorumv1.SyncResponse
		stalled  bool // nothing of what is sent is taken
		obeys    bool // it answers discovery and synchronization as it should
		acks     bool // it acknowledges what is proposed
		pongs    bool // it answers pings
		serving  bool
		upToDate txn.Zxid                     // what UpToDate said is committed
		loud     bool                         // pings are written down too
		gate     chan struct{}                // nothing is taken until it is closed; nil: it is open
		sees     func(*quorumv1.SyncResponse) // before a message is taken, if set
	}
}

// learnt is what a learner has.
type learnt struct {
	accepted, current txn.Epoch
	from              uint64 // the candidacy to which accepted was promised
	last, floor       txn.Zxid
	durable           uint64 // bytes
}

// dials opens a stream and says nothing yet.
func (c *court) dials(id txn.ServerID, change ...func(*voice)) *voice {
	v := &voice{
		c: c, id: id, disk: storageOf(id), nonce: uint64(id) * 1000, durable: true,
		up: make(chan *quorumv1.SyncRequest, 1<<16), quit: make(chan struct{}), over: make(chan struct{}),
	}
	for _, f := range change {
		f(v)
	}
	v.ctx, v.hang = context.WithCancelCause(context.Background())
	go func() {
		v.err = c.peer.ServeSync(v)
		c.record.note(id, "✕ %d %s", id, endOf(v.err))
		v.hang(errors.New("the handler has returned"))
		close(v.over)
	}()
	restInBubble()
	return v
}

func endOf(err error) string {
	var r *Rejection
	if errors.As(err, &r) {
		words := fmt.Sprintf("%s: %v", strings.TrimPrefix(r.Reason.String(), "REFUSAL_REASON_"), r)
		if r.Leader != 0 {
			words += fmt.Sprintf("; leader %d", r.Leader)
		}
		if r.RetryAfter != 0 {
			words += fmt.Sprintf("; retry after %v", r.RetryAfter)
		}
		return words
	}
	return err.Error()
}

// comes is a learner that answers all by itself, with a log that ends at last. It introduces itself.
func (c *court) comes(id txn.ServerID, l learnt, change ...func(*voice)) *voice {
	obedient := func(v *voice) { v.mu.log, v.mu.obeys, v.mu.acks, v.mu.pongs = l, true, true, true }
	v := c.dials(id, append([]func(*voice){obedient}, change...)...)
	v.introduces()
	return v
}

// current is one that lacks nothing of the court's past.
func (c *court) current() learnt {
	e := c.past.last().Epoch()
	return learnt{accepted: e, current: e, last: c.past.last(), floor: c.past.last()}
}

// Context implements LeaderStream.
func (v *voice) Context() context.Context { return v.ctx }

// Send implements LeaderStream.
func (v *voice) Send(m *quorumv1.SyncResponse) error {
	v.mu.Lock()
	stalled, gate, sees := v.mu.stalled, v.mu.gate, v.mu.sees
	v.mu.Unlock()
	if stalled {
		<-v.ctx.Done()
	}
	if gate != nil {
		<-gate
	}
	if sees != nil {
		sees(m)
	}
	if v.ctx.Err() != nil {
		return context.Cause(v.ctx)
	}
	v.mu.Lock()
	loud := m.GetPing() == nil || v.mu.loud
	v.mu.Unlock()
	if loud {
		v.c.record.note(v.id, "→ %d %s", v.id, toldTo(m))
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.mu.heard = append(v.mu.heard, m)
	v.answer(m)
	return nil
}

// Recv implements LeaderStream.
func (v *voice) Recv() (*quorumv1.SyncRequest, error) {
	if v.ctx.Err() != nil {
		return nil, context.Cause(v.ctx)
	}
	select {
	case m := <-v.up:
		return m, nil
	case <-v.quit:
		return nil, io.EOF
	case <-v.ctx.Done():
		return nil, context.Cause(v.ctx)
	}
}

// answer does by itself what the learner does by itself; it needs mu.
func (v *voice) answer(m *quorumv1.SyncResponse) {
	log := &v.mu.log
	switch step := m.GetStep().(type) {
	case *quorumv1.SyncResponse_Ping:
		if v.mu.pongs {
			v.up <- pong(step.Ping.GetRound(), log.durable)
		}
	case *quorumv1.SyncResponse_Commit:
		v.hasToldOf(step.Commit.GetZxid())
	case *quorumv1.SyncResponse_Inform:
		v.take(step.Inform.GetPrevZxid(), step.Inform.GetTxns())
	case *quorumv1.SyncResponse_Proposal:
		v.take(step.Proposal.GetPrevZxid(), step.Proposal.GetTxns())
		v.hasToldOf(step.Proposal.GetCommitted())
		if v.mu.serving && v.mu.acks {
			v.up <- ackOf(log.last)
		}
	}
	if v.mu.obeys {
		v.obey(m)
	}
}

// hasToldOf checks that what is said to be committed was sent before; UpToDate alone may say more.
func (v *voice) hasToldOf(committed uint64) {
	if v.mu.obeys && txn.Zxid(committed) > max(v.mu.log.last, v.mu.upToDate) {
		v.c.t.Errorf("learner %d: %v is committed, it was sent up to %v", v.id, txn.Zxid(committed), v.mu.log.last)
	}
}

// take appends records to the log, each of which must continue it (P8).
func (v *voice) take(prev uint64, txns [][]byte) {
	log := &v.mu.log
	if v.mu.obeys && txn.Zxid(prev) != log.last || len(txns) == 0 {
		v.c.t.Errorf("learner %d: %d txns after %v, its log ends at %v", v.id, len(txns), txn.Zxid(prev), log.last)
	}
	for _, b := range txns {
		x, err := txn.Decode(b)
		if err != nil || x.Zxid <= log.last && v.mu.obeys {
			v.c.t.Errorf("learner %d: %v after %v, %v", v.id, x, log.last, err)
			return
		}
		log.last = x.Zxid
	}
}

func (v *voice) obey(m *quorumv1.SyncResponse) {
	log := &v.mu.log
	switch step := m.GetStep().(type) {
	case *quorumv1.SyncResponse_Info:
		epoch := txn.Epoch(step.Info.GetEpoch())
		if epoch > log.accepted {
			log.accepted, log.from = epoch, step.Info.GetIncarnation()
		}
		v.up <- ackEpoch(log.current, log.last, log.floor, log.from == step.Info.GetIncarnation())
	case *quorumv1.SyncResponse_Diff:
		log.last = txn.Zxid(step.Diff.GetAfter())
	case *quorumv1.SyncResponse_Trunc:
		log.last = txn.Zxid(step.Trunc.GetAfter())
	case *quorumv1.SyncResponse_Snapshot:
		if b := step.Snapshot.GetBegin(); b != nil {
			log.last, log.floor = txn.Zxid(b.GetZxid()), txn.Zxid(b.GetZxid())
		}
	case *quorumv1.SyncResponse_NewLeader:
		if last := txn.Zxid(step.NewLeader.GetLastZxid()); last != log.last {
			v.c.t.Errorf("learner %d: NewLeader at %v, its log ends at %v", v.id, last, log.last)
		}
		log.current = txn.Epoch(step.NewLeader.GetEpoch())
		v.up <- ackNewLeader(log.current)
	case *quorumv1.SyncResponse_UpToDate:
		v.mu.serving = true
		v.mu.upToDate = txn.Zxid(step.UpToDate.GetCommitted())
	}
}

// says says something, and waits until nothing more comes of it.
func (v *voice) says(m *quorumv1.SyncRequest) {
	v.c.record.step("%d: %s", v.id, saidBy(m))
	v.up <- m
	v.c.settle()
}

func (v *voice) introduces() {
	v.mu.Lock()
	accepted := v.mu.log.accepted
	v.mu.Unlock()
	v.says(v.info(accepted))
}

func (v *voice) info(accepted txn.Epoch) *quorumv1.SyncRequest {
	return &quorumv1.SyncRequest{Step: &quorumv1.SyncRequest_Info{Info: &quorumv1.LearnerInfo{
		Id: uint32(v.id), Protocol: protocol, Storage: uint64(v.disk), AcceptedEpoch: uint32(accepted), Durable: v.durable, Nonce: v.nonce,
	}}}
}

// leaves breaks the stream.
func (v *voice) leaves() {
	v.c.record.step("%d breaks the stream", v.id)
	v.hang(errors.New("connection lost"))
	v.c.settle()
}

// set changes how it behaves.
func (v *voice) set(change func(*voice)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change(v)
}

func stalls(v *voice)     { v.mu.stalled = true }
func tellsPings(v *voice) { v.mu.loud = true }
func isSilent(v *voice)   { v.mu.pongs, v.mu.acks, v.mu.obeys = false, false, false }
func keepsNoLog(v *voice) { v.durable = false }
func doesNotAck(v *voice) { v.mu.acks = false }
func onDisk(d txn.StorageID) func(*voice) {
	return func(v *voice) { v.disk = d }
}

// has returns what it has now.
func (v *voice) has() learnt {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.mu.log
}

// heard returns what came since it was last asked, pings left out.
func (v *voice) heard() (all []*quorumv1.SyncResponse) {
	restInBubble()
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, m := range v.mu.heard {
		if m.GetPing() == nil {
			all = append(all, m)
		}
	}
	v.mu.heard = nil
	return all
}

// pings returns how many came since it was last asked, and the newest. Other messages are lost.
func (v *voice) pings() (n int, newest *quorumv1.Ping) {
	restInBubble()
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, m := range v.mu.heard {
		if p := m.GetPing(); p != nil {
			n, newest = n+1, p
		}
	}
	v.mu.heard = nil
	return n, newest
}

// serves tells whether it was told that it is up to date, and the stream still stands.
func (v *voice) serves() bool {
	restInBubble()
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.mu.serving && v.ctx.Err() == nil
}

// stands tells whether the stream does.
func (v *voice) stands() bool {
	restInBubble()
	return !closed(v.over)
}

// refused returns the reason for which the stream was ended, and 0 if it stands or ended otherwise.
func (v *voice) refused() quorumv1.RefusalReason {
	v.c.settle()
	var r *Rejection
	if v.stands() || !errors.As(v.err, &r) {
		return 0
	}
	return r.Reason
}

// The learner's words.

func ackEpoch(current txn.Epoch, last, floor txn.Zxid, counts bool) *quorumv1.SyncRequest {
	return &quorumv1.SyncRequest{Step: &quorumv1.SyncRequest_AckEpoch{AckEpoch: &quorumv1.AckEpoch{
		CurrentEpoch: uint32(current), LastZxid: uint64(last), Floor: uint64(floor), Counts: counts,
	}}}
}

func ackNewLeader(epoch txn.Epoch) *quorumv1.SyncRequest {
	return &quorumv1.SyncRequest{Step: &quorumv1.SyncRequest_AckNewLeader{AckNewLeader: &quorumv1.AckNewLeader{Epoch: uint32(epoch)}}}
}

func ackOf(z txn.Zxid) *quorumv1.SyncRequest {
	return &quorumv1.SyncRequest{Step: &quorumv1.SyncRequest_Ack{Ack: &quorumv1.Ack{Zxid: uint64(z)}}}
}

func pong(round, durable uint64) *quorumv1.SyncRequest {
	return &quorumv1.SyncRequest{Step: &quorumv1.SyncRequest_Ping{Ping: &quorumv1.Ping{Round: round, DurableBytes: durable}}}
}

func syncOf(id uint64) *quorumv1.SyncRequest {
	return &quorumv1.SyncRequest{Step: &quorumv1.SyncRequest_Sync{Sync: &quorumv1.Sync{Id: id}}}
}

// aToken is the hash of the secret of every session here.
const aToken = "the hash of a secret"

func revalidation(id uint64, session txn.SessionID) *quorumv1.SyncRequest {
	return &quorumv1.SyncRequest{Step: &quorumv1.SyncRequest_Revalidate{Revalidate: &quorumv1.Revalidate{
		Id: id, Session: uint64(session), TokenHash: []byte(aToken),
	}}}
}

// creation is a client's request, as a learner forwards it.
func creation(id uint64, path string) *quorumv1.SyncRequest {
	m, err := encodeRequest(Request{Op: &tree.CreateRequest{Path: path, ACL: tree.OpenACL()}, Caller: tree.Super(), Author: "test:2"})
	if err != nil {
		panic(err)
	}
	m.Id = id
	return &quorumv1.SyncRequest{Step: &quorumv1.SyncRequest_Request{Request: m}}
}

func sessionOf(id uint64) *txnv1.CreateSession {
	return &txnv1.CreateSession{Session: id, TimeoutMs: 4000, TokenHash: []byte(aToken)}
}

// saidBy and toldTo are said and told, and know more words.

func saidBy(m *quorumv1.SyncRequest) string {
	switch s := m.GetStep().(type) {
	case *quorumv1.SyncRequest_Ping:
		return fmt.Sprintf("Ping round %d, %d bytes durable", s.Ping.GetRound(), s.Ping.GetDurableBytes())
	case *quorumv1.SyncRequest_Revalidate:
		return fmt.Sprintf("Revalidate %d, session %v", s.Revalidate.GetId(), txn.SessionID(s.Revalidate.GetSession()))
	case nil:
		return "nothing"
	}
	return said(m)
}

func toldTo(m *quorumv1.SyncResponse) string {
	switch s := m.GetStep().(type) {
	case *quorumv1.SyncResponse_Inform:
		return fmt.Sprintf("Inform of %d after %v", len(s.Inform.GetTxns()), txn.Zxid(s.Inform.GetPrevZxid()))
	case *quorumv1.SyncResponse_Revalidated:
		return fmt.Sprintf("Revalidated %d at %v, valid %t", s.Revalidated.GetId(), txn.Zxid(s.Revalidated.GetAtZxid()), s.Revalidated.GetValid())
	case *quorumv1.SyncResponse_Ping:
		return fmt.Sprintf("Ping round %d", s.Ping.GetRound())
	case *quorumv1.SyncResponse_Reply:
		if f := s.Reply.GetFault(); f != nil {
			return fmt.Sprintf("%s: %s %s %s", told(m), f.GetKind(), f.GetPath(), f.GetDetail())
		}
	case *quorumv1.SyncResponse_NewLeader:
		return fmt.Sprintf("%s, membership %v", told(m), txn.Zxid(s.NewLeader.GetMembershipZxid()))
	}
	return told(m)
}
