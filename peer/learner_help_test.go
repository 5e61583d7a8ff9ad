package peer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/epochs"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// follower is one life of server 2, which follows server 1: a script.
type follower struct {
	t       *testing.T
	store   *store.Store
	peer    *Peer
	dialled chan *script
	refuse  error                       // the dialer's answer, if set
	sent    func(*quorumv1.SyncRequest) // sees each message as it is sent, if set
	story   story
	stop    context.CancelFunc
	running sync.WaitGroup
}

// story collects what happened as lines: "·" an event, "→" said by the learner, "←" by the leader.
type story struct {
	mu struct {
		sync.Mutex
		lines []string
	}
}

func (s *story) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.lines = append(s.mu.lines, fmt.Sprintf(format, args...))
}

func (s *story) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.mu.lines, "\n")
}

const leaderID, followerID = 1, 2

// awake starts a follower on a file system; change may alter what it is made of.
func awake(t *testing.T, fs vfs.FS, change ...func(*store.Config, *Config)) *follower {
	t.Helper()
	rng, mu := rand.New(rand.NewPCG(7, 8)), sync.Mutex{}
	random := func() uint64 { mu.Lock(); defer mu.Unlock(); return rng.Uint64() }
	f := &follower{t: t, dialled: make(chan *script, 1)}
	sc := store.Config{FS: fs, Dir: "/data", Server: followerID, SegmentSize: wal.MinSegmentSize, Reserve: -1, Random: random}
	pc := Config{ID: followerID, Members: trio(), Random: random, Dialer: f, Events: func(e Event) { f.story.note("· %v", e) }}
	for _, c := range change {
		c(&sc, &pc)
	}
	var err error
	if f.store, err = store.Open(t.Context(), sc); err != nil {
		t.Fatal(err)
	}
	pc.Store = f.store
	if f.peer, err = New(pc); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	f.stop = stop
	f.running.Go(func() { _ = f.store.Run(ctx) })
	return f
}

// asleep ends the life in order.
func (f *follower) asleep() {
	f.stop()
	f.running.Wait()
	_ = f.store.Close()
}

// trio is a founding list of three voters.
func trio() []txn.Member {
	return []txn.Member{{ID: 1, Role: txn.Voter, Address: "one:1"}, {ID: 2, Role: txn.Voter, Address: "two:1"}, {ID: 3, Role: txn.Voter, Address: "three:1"}}
}

// has makes the follower one that has logged these records and applied them up to a zxid.
func (f *follower) has(r epochs.Record, log []wal.Record, applied txn.Zxid) {
	f.t.Helper()
	if err := f.store.SetEpochs(r); err != nil {
		f.t.Fatal(err)
	}
	if len(log) == 0 {
		return
	}
	if err := errors.Join(f.store.Append(f.t.Context(), log), f.store.Sync(f.t.Context())); err != nil {
		f.t.Fatal(err)
	}
	draft := f.store.Version().Edit()
	for x, err := range f.store.Tail() {
		if err != nil {
			f.t.Fatal(err)
		}
		if x.Zxid <= applied {
			draft.Apply(x)
		}
	}
	if draft.Zxid() > 0 {
		f.store.Publish(draft.Publish(), nil, 0)
	}
}

// follow begins to follow. The channel gives what follow returned.
func (f *follower) follow(role Role) (*script, <-chan error) {
	f.t.Helper()
	ctx, quit := context.WithCancelCause(f.t.Context())
	l, ended := newLearner(f.peer, trio()[0], role), make(chan error, 1)
	go func() { ended <- l.follow(ctx); quit(nil) }()
	if f.refuse != nil {
		return nil, ended
	}
	s := <-f.dialled
	s.quit = quit
	return s, ended
}

// Sync implements Dialer.
func (f *follower) Sync(ctx context.Context, _ txn.Member) (LearnerStream, error) {
	if f.refuse != nil {
		return nil, f.refuse
	}
	s := &script{f: f, ctx: ctx, down: make(chan *quorumv1.SyncResponse), up: make(chan *quorumv1.SyncRequest, 1<<15), over: make(chan struct{})}
	f.dialled <- s
	return learnerEnd{s}, nil
}

// Exchange implements Dialer.
func (f *follower) Exchange(ctx context.Context, _ txn.Member) (ExchangeClient, error) {
	return nil, errors.New("nobody elects here")
}

// script is the leader's end of a stream, spoken by a test.
type script struct {
	f    *follower
	ctx  context.Context
	down chan *quorumv1.SyncResponse
	up   chan *quorumv1.SyncRequest
	over chan struct{} // closed when the leader has ended the stream, with err
	err  error
	quit context.CancelCauseFunc // ends the follower's role
}

// learnerEnd is the other end.
type learnerEnd struct{ *script }

func (s learnerEnd) Context() context.Context { return s.ctx }

func (s learnerEnd) Send(m *quorumv1.SyncRequest) error {
	if m.GetPing() == nil {
		s.f.story.note("→ %s", said(m))
	}
	if s.f.sent != nil {
		s.f.sent(m)
	}
	select {
	case <-s.over:
		return s.err
	case <-s.ctx.Done():
		return s.ctx.Err()
	default:
	}
	select {
	case s.up <- m:
		return nil
	case <-s.over:
		return s.err
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

func (s learnerEnd) Recv() (*quorumv1.SyncResponse, error) {
	select {
	case m := <-s.down:
		if m.GetPing() == nil {
			s.f.story.note("← %s", told(m))
		}
		return m, nil
	case <-s.over:
		return nil, s.err
	case <-s.ctx.Done():
		return nil, s.ctx.Err()
	}
}

// say sends a message and waits until the learner takes it; false if it will not.
func (s *script) say(m *quorumv1.SyncResponse) bool {
	select {
	case s.down <- m:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// end ends the stream as a leader does that returns from its handler.
func (s *script) end(err error) {
	s.err = err
	close(s.over)
}

// hear returns the learner's next message that is not a ping of its own clock.
func (s *script) hear() *quorumv1.SyncRequest {
	s.f.t.Helper()
	for {
		select {
		case m := <-s.up:
			if m.GetPing() == nil {
				return m
			}
		case <-s.ctx.Done():
			s.f.t.Fatalf("the learner has ended the stream: %v\n%v", context.Cause(s.ctx), &s.f.story)
		}
	}
}

// heardNothing tells whether the learner has said nothing but pings.
func (s *script) heardNothing() bool {
	synctest.Wait()
	for {
		select {
		case m := <-s.up:
			if m.GetPing() == nil {
				return false
			}
		default:
			return true
		}
	}
}

// pinged returns the newest ping that has been sent, nil if there is none. Other messages are lost.
func (s *script) pinged() (newest *quorumv1.Ping) {
	synctest.Wait()
	for {
		select {
		case m := <-s.up:
			if p := m.GetPing(); p != nil {
				newest = p
			}
		default:
			return newest
		}
	}
}

// greet takes LearnerInfo, proposes an epoch and returns the promise.
func (s *script) greet(epoch uint32) *quorumv1.AckEpoch {
	s.f.t.Helper()
	if s.hear().GetInfo() == nil {
		s.f.t.Fatal("the first message is not LearnerInfo")
	}
	s.say(leaderInfo(epoch))
	ack := s.hear().GetAckEpoch()
	if ack == nil {
		s.f.t.Fatal("LeaderInfo is not answered by AckEpoch")
	}
	return ack
}

// settle brings a learner that has been planned up to date: NewLeader at its last, then UpToDate.
func (s *script) settle(epoch uint32, last, committed txn.Zxid) {
	s.f.t.Helper()
	s.say(newLeaderMsg(epoch, last))
	if s.hear().GetAckNewLeader() == nil {
		s.f.t.Fatal("NewLeader is not acknowledged")
	}
	s.say(upToDate(committed))
	synctest.Wait()
}

// up brings a learner whose log is a prefix of the history to its end, all of it committed.
func (s *script) lead(epoch uint32, h *annals) {
	s.f.t.Helper()
	ack := s.greet(epoch)
	last := txn.Zxid(ack.GetLastZxid())
	s.say(diff(last))
	if recs := h.after(last); len(recs) > 0 {
		s.say(proposal(last, recs, 0))
	}
	s.settle(epoch, h.last(), h.last())
}

// annals is a leader's history: its records, and the tree after each.
type annals struct {
	t        *testing.T
	recs     []wal.Record
	versions []*tree.Version
	draft    *tree.Draft
}

func newAnnals(t *testing.T) *annals { return &annals{t: t, draft: tree.New().Edit()} }

// adds appends a txn of an epoch for each path, which it creates.
func (h *annals) adds(epoch txn.Epoch, paths ...string) *annals {
	for _, path := range paths {
		h.does(epoch, &tree.CreateRequest{Path: path, ACL: tree.OpenACL(), Data: []byte(path)})
	}
	return h
}

// does appends a txn.
func (h *annals) does(epoch txn.Epoch, r tree.Request) *annals {
	h.t.Helper()
	op, err := h.draft.Prepare(r, tree.Super(), tree.Limits{})
	if err != nil {
		h.t.Fatal(err)
	}
	z := max(h.last()+1, txn.MakeZxid(epoch, 1))
	x := &txn.Txn{Header: txn.Header{Zxid: z, Time: int64(len(h.recs))}, Op: op}
	h.draft.Apply(x)
	x.Digest = h.draft.Digest()
	h.recs = append(h.recs, wal.Record{Zxid: z, Payload: x.Append(nil)})
	h.versions = append(h.versions, h.draft.Publish())
	return h
}

// fork returns a history that goes on otherwise after n records.
func (h *annals) fork(n int) *annals {
	return &annals{t: h.t, recs: slices.Clone(h.recs[:n]), versions: slices.Clone(h.versions[:n]), draft: h.versions[n-1].Edit()}
}

func (h *annals) last() txn.Zxid {
	if len(h.recs) == 0 {
		return 0
	}
	return h.recs[len(h.recs)-1].Zxid
}

func (h *annals) after(z txn.Zxid) []wal.Record {
	i, _ := slices.BinarySearchFunc(h.recs, z+1, func(r wal.Record, z txn.Zxid) int { return int(int64(r.Zxid) - int64(z)) })
	return h.recs[i:]
}

// tree returns the tree after all of it.
func (h *annals) tree() *tree.Version { return h.versions[len(h.versions)-1] }

// isAt checks that what the follower shows is a leader's tree, and the log behind it.
func (f *follower) isAt(h *annals) {
	f.t.Helper()
	v := f.store.Version()
	if v.Zxid() != h.last() || v.Digest() != h.tree().Digest() {
		f.t.Errorf("the tree is at %v with digest %016x, the leader's at %v with %016x", v.Zxid(), v.Digest(), h.last(), h.tree().Digest())
	}
	if f.peer.applied.poll(h.last()) != nil {
		f.t.Errorf("who waits for %v to be applied still waits", h.last())
	}
	if f.store.Last() != h.last() {
		f.t.Errorf("the log ends at %v, the leader's at %v", f.store.Last(), h.last())
	}
}

// tells compares the story with the lines wanted, one a line, indentation left out.
func (f *follower) tells(want string) {
	f.t.Helper()
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(want), "\n") {
		lines = append(lines, strings.TrimSpace(line))
	}
	if got := f.story.String(); got != strings.Join(lines, "\n") {
		f.t.Errorf("what happened:\n%s\n\nwant:\n%s", got, strings.Join(lines, "\n"))
	}
}
