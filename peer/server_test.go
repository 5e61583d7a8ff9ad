package peer

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// server is one life of a server on a file system in memory.
type server struct {
	t     *testing.T
	fs    vfs.FS
	store *store.Store
	peer  *Peer
	trace *trace
	stop  context.CancelFunc
	ended chan error // what Run of the peer returned
	wg    sync.WaitGroup
}

// trace collects events as lines that a person reads.
type trace struct {
	mu struct {
		sync.Mutex
		lines []string
	}
}

// add is a listener.
func (tr *trace) add(e Event) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.mu.lines = append(tr.mu.lines, e.String())
}

func (tr *trace) String() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return strings.Join(tr.mu.lines, "\n")
}

const small = wal.MinSegmentSize

// boot starts a server; events, if given, see each step too.
func boot(t *testing.T, fs vfs.FS, also ...func(*Config)) *server {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 6))
	var mu sync.Mutex
	random := func() uint64 { mu.Lock(); defer mu.Unlock(); return rng.Uint64() }
	ctx, stop := context.WithCancel(context.Background())
	st, err := store.Open(ctx, store.Config{FS: fs, Dir: "/data", Server: 1, SegmentSize: small, Reserve: -1, Random: random})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, fs: fs, store: st, trace: &trace{}, stop: stop, ended: make(chan error, 1)}
	c := Config{ID: 1, Members: []txn.Member{{ID: 1, Role: txn.Voter}}, Store: st, Random: random, Events: s.trace.add}
	for _, change := range also {
		change(&c)
	}
	if s.peer, err = New(c); err != nil {
		t.Fatal(err)
	}
	storeCtx, stopStore := context.WithCancel(context.Background())
	s.wg.Go(func() { _ = st.Run(storeCtx) })
	s.wg.Go(func() { s.ended <- s.peer.Run(ctx); stopStore() })
	return s
}

// down ends the life in an orderly way and returns what the peer's Run did.
func (s *server) down() error {
	s.stop()
	s.wg.Wait()
	_ = s.store.Close()
	return <-s.ended
}

// term waits for the server to lead.
func (s *server) term() *Term {
	s.t.Helper()
	for {
		now := s.peer.Standing()
		if now.Term != nil {
			return now.Term
		}
		select {
		case <-now.Changed:
		case err := <-s.ended:
			s.t.Fatalf("the peer ended: %v\n%v", err, s.trace)
		}
	}
}

// propose proposes a batch of creations and returns what it will become.
func propose(t *testing.T, term *Term, paths ...string) <-chan error {
	t.Helper()
	b, done := batchOf(t, term, paths...)
	if err := term.Propose(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	return done
}

func batchOf(t *testing.T, term *Term, paths ...string) (*Batch, <-chan error) {
	t.Helper()
	done := make(chan error, 1)
	b := &Batch{Done: func(err error) { done <- err }}
	for _, path := range paths {
		op, err := term.Tip().Prepare(&tree.CreateRequest{Path: path, ACL: tree.OpenACL()}, nil, tree.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		rec, _ := term.Log(txn.Header{}, op)
		b.Records = append(b.Records, rec)
	}
	b.Zxid, b.Version = term.Tip().Zxid(), term.Tip().Publish()
	return b, done
}

// bubble runs a test in virtual time.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}
