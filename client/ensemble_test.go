package client_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/lock"
	"github.com/quorate/quorate/client/queue"
	"github.com/quorate/quorate/server"
	"github.com/quorate/quorate/server/config"
)

// real is an ensemble of three servers on loopback, and a way to it whose connections break.
type real struct {
	*testing.T
	configs []config.Config
	stops   []func()
	mu      struct {
		sync.Mutex
		servers []string
		random  *rand.Rand
		conns   []net.Conn
	}
}

func startReal(t *testing.T) *real {
	t.Helper()
	r := &real{T: t}
	r.mu.random = rand.New(rand.NewPCG(1, 2))
	peers := freePeers(t)
	r.mu.servers, r.stops = make([]string, len(peers)), make([]func(), len(peers))
	for i := range peers {
		cfg := config.Default()
		cfg.ID, cfg.Peers, cfg.ClientAddr, cfg.DataDir = uint(i+1), peers, freeAddress(t), t.TempDir()
		cfg.SegmentSize = 8 << 20
		cfg.SyncLimit = 20 * time.Second // nobody is cut off: who is silent stands still
		r.configs = append(r.configs, cfg)
		r.start(i)
		t.Cleanup(func() { r.stops[i]() })
	}
	return r
}

// start starts a server, again at its former address.
func (r *real) start(i int) {
	n, err := server.New(context.Background(), r.configs[i], server.Options{Build: "test"})
	if err != nil {
		r.Fatal(err)
	}
	r.mu.Lock()
	r.mu.servers[i] = n.Addr()
	r.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	r.stops[i] = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			r.Errorf("server %d: %v", i+1, err)
		}
	})
}

// restart restarts a server and waits until it serves.
func (r *real) restart(ctx context.Context, i int) {
	r.stops[i]()
	r.start(i)
	c, err := client.Dial([]string{r.configs[i].ClientAddr})
	if err != nil {
		r.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	s, err := c.OpenSession(ctx) // waits for a leader
	if err != nil {
		r.Fatal(err)
	}
	if err := s.Close(ctx); err != nil {
		r.Error(err)
	}
}

func freePeers(t *testing.T) config.Peers {
	var parts []string
	for i := range 3 {
		parts = append(parts, fmt.Sprintf("%d=%s", i+1, freeAddress(t)))
	}
	peers, err := config.ParsePeers(strings.Join(parts, ","))
	if err != nil {
		t.Fatal(err)
	}
	return peers
}

// client dials the servers in an order of its own.
func (r *real) client() *client.Client {
	r.Helper()
	r.mu.Lock()
	servers := slices.Clone(r.mu.servers)
	r.mu.random.Shuffle(len(servers), func(i, j int) { servers[i], servers[j] = servers[j], servers[i] })
	r.mu.Unlock()
	c, err := client.Dial(servers, client.WithDialer(r.dial))
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = c.Close() })
	return c
}

func (r *real) dial(ctx context.Context, address string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err == nil {
		r.mu.Lock()
		r.mu.conns = append(r.mu.conns, conn)
		r.mu.Unlock()
	}
	return conn, err
}

// cut breaks connections at random until ctx ends.
func (r *real) cut(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		r.mu.Lock()
		if n := len(r.mu.conns); n > 0 {
			i := r.mu.random.IntN(n)
			_ = r.mu.conns[i].Close()
			r.mu.conns = slices.Delete(r.mu.conns, i, i+1)
		}
		r.mu.Unlock()
	}
}

func (r *real) session(ctx context.Context) *client.Session {
	r.Helper()
	s, err := r.client().OpenSession(ctx)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = s.Close(ctx)
	})
	return s
}

// Three servers, sessions whose connections break ten times a second: pipelined conditional writes all take effect, once and in order; watches on another
// session tell each of them once; locks exclude each other; and a queue loses and doubles nothing.
func TestRealServers(t *testing.T) {
	t.Parallel()
	r := startReal(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	at := make(chan struct{})
	close(at)
	breaking, stop := context.WithCancel(ctx)
	var cutting sync.WaitGroup
	cutting.Go(func() { r.cut(breaking, 50*time.Millisecond) })
	t.Run("parts", func(t *testing.T) {
		t.Run("writes", func(t *testing.T) { t.Parallel(); r.chain(ctx, t, at) })
		t.Run("watches", func(t *testing.T) { t.Parallel(); r.watches(ctx, t) })
		t.Run("lock", func(t *testing.T) { t.Parallel(); r.locks(ctx, t) })
		t.Run("queue", func(t *testing.T) { t.Parallel(); r.queue(ctx, t) })
	})
	stop()
	cutting.Wait()
}

// All servers are restarted, one after the other, the leader among them: sessions with their nodes and watches live on, on
// whichever server is there.
func TestSessionsOutliveTheirServers(t *testing.T) {
	t.Parallel()
	r := startReal(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	var wg sync.WaitGroup
	restarted := make(chan struct{})
	wg.Go(func() { r.chain(ctx, t, restarted) })
	held, err := lock.New(r.session(ctx), "/held").Lock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.configs {
		r.restart(ctx, i)
	}
	close(restarted)
	wg.Wait()
	s := r.session(ctx)
	if _, err := s.Multi(ctx, held.Guard(), client.CreateOp("/done", nil)); err != nil {
		t.Errorf("a lock held over restarts: %v", err)
	}
}

// chain makes conditional writes, each on the one before, 2,000 and until enough is closed, while another session watches.
func (r *real) chain(ctx context.Context, t *testing.T, enough <-chan struct{}) {
	s, other := r.session(ctx), r.session(ctx)
	made, err := s.Create(ctx, "/chain", nil, client.Ephemeral())
	if err != nil {
		t.Error(err)
		return
	}
	_, err = other.Get(ctx, "/chain", client.AtLeast(made.Zxid))
	w, err2 := other.Watch(ctx, "/chain", client.WatchPersistent)
	if err != nil || err2 != nil {
		t.Error(err, err2)
		return
	}
	var pending []*client.Pending
	for i := 0; i < 2000 || !closed(enough); i++ {
		p, err := s.Start(ctx, client.SetOp("/chain", fmt.Append(nil, i), client.IfVersion(int32(i))))
		if err != nil {
			t.Error(err)
			return
		}
		if pending = append(pending, p); i%20 == 19 {
			_, _ = p.Wait(ctx)
		}
		if i%1000 == 999 {
			tell(ctx, t, w, 1000)
		}
	}
	unknown := 0
	for i, p := range pending {
		if _, err := p.Wait(ctx); isUnknown(err) {
			unknown++
		} else if err != nil {
			t.Errorf("write %d: %v", i, err)
		}
	}
	t.Logf("%d of %d outcomes unknown", unknown, len(pending))
	last := tell(ctx, t, w, len(pending)%1000)
	n, err := s.Get(ctx, "/chain")
	if err != nil || int(n.Stat.Version) != len(pending) || last != 0 && n.Stat.Mzxid != last {
		t.Errorf("after %d writes %+v, %v; the last event was at %v", len(pending), n, err, last)
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// tell takes so many events of changes, each newer than the one before, and returns the zxid of the last.
func tell(ctx context.Context, t *testing.T, w *client.Watcher, n int) (last client.Zxid) {
	for i := range n {
		e, err := w.Next(ctx)
		if err != nil || e.Type != client.EventDataChanged || e.Zxid <= last {
			t.Errorf("event %d of %d: %+v, %v; the one before was at %v", i, n, e, err, last)
			return last
		}
		last = e.Zxid
	}
	return last
}

func (r *real) locks(ctx context.Context, t *testing.T) {
	s := r.session(ctx)
	if _, err := s.Create(ctx, "/tokens", nil); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		s := r.session(ctx)
		wg.Go(func() {
			for range 15 {
				held, err := lock.New(s, "/lock").Lock(ctx)
				if err != nil {
					t.Errorf("Lock: %v", err)
					return
				}
				for range 3 {
					_, err := s.Multi(ctx, held.Guard(), client.CreateOp("/tokens/t-", fmt.Appendf(nil, "%020d", held.Token()), client.Sequential()))
					if err != nil && !isUnknown(err) {
						t.Errorf("guarded: %v", err)
					}
				}
				if err := held.Unlock(ctx); err != nil {
					t.Errorf("Unlock: %v", err)
				}
			}
		})
	}
	wg.Wait()
	var tokens []string
	for e, err := range s.List(ctx, "/tokens", client.WithData(), client.Linearizable()) {
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, string(e.Data))
	}
	if len(tokens) != 4*15*3 || !slices.IsSorted(tokens) {
		t.Errorf("%d tokens, want %d in order: %v", len(tokens), 4*15*3, tokens)
	}
}

func (r *real) queue(ctx context.Context, t *testing.T) {
	const items = 60
	s := r.session(ctx)
	if _, err := s.Create(ctx, "/done", nil); err != nil {
		t.Fatal(err)
	}
	taking, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for range 3 {
		s := r.session(ctx)
		wg.Go(func() {
			q := queue.New(s, "/queue")
			for taking.Err() == nil {
				item, err := q.Take(taking)
				if err != nil {
					continue
				}
				_, err = s.Multi(ctx, append(item.DoneOps(), client.CreateOp("/done/"+string(item.Data), nil))...)
				if err != nil && !isUnknown(err) {
					t.Errorf("item %s: %v", item.Data, err)
				}
			}
		})
	}
	q := queue.New(s, "/queue")
	for i := range items {
		if err := q.Put(ctx, fmt.Append(nil, i)); err != nil {
			t.Errorf("Put: %v", err)
		}
	}
	done := 0
	for e, err := range r.client().Watch(ctx, "/done", client.Recursive()) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Path != "/done" {
			done++
		}
		if done == items {
			break
		}
	}
	stop()
	wg.Wait()
	if names, _, err := s.Children(ctx, "/done", client.Linearizable()); len(names) != items || err != nil {
		t.Errorf("%d done, %v; want %d", len(names), err, items)
	}
	if n, err := q.Len(ctx); n != 0 || err != nil {
		t.Errorf("%d left, %v", n, err)
	}
}
