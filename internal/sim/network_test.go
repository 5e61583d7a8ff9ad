package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/store/txn"
)

// host is a server of a test: functions take its calls.
type host struct {
	sync func(peer.LeaderStream) error
	port Port
	stop context.CancelFunc
	done chan struct{}
}

func (h *host) ServeSync(s peer.LeaderStream) error       { return h.sync(s) }
func (h *host) ServeExchange(s peer.ExchangeServer) error { return nil }

// up starts a server in the network.
func up(n *Network, id txn.ServerID, serve func(peer.LeaderStream) error) *host {
	ctx, stop := context.WithCancel(context.Background())
	h := &host{sync: serve, port: n.Open(id), stop: stop, done: make(chan struct{})}
	go func() { _ = h.port.Serve(ctx, h); close(h.done) }()
	synctest.Wait()
	return h
}

// passInBubble lets time pass, and then all that happens at its end.
func passInBubble(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (h *host) down() { h.stop(); <-h.done }

func lan(seed uint64) *Network {
	return NewNetwork(NetworkConfig{Seed: seed, Latency: Span{100 * time.Microsecond, 5 * time.Millisecond}})
}

// dial calls server 2.
func dial(t *testing.T, h *host) (peer.LearnerStream, context.CancelCauseFunc) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	s, err := h.port.Sync(ctx, txn.Member{ID: 2})
	if err != nil {
		t.Fatal(err)
	}
	return s, cancel
}

func ack(n int) *quorumv1.SyncRequest {
	return &quorumv1.SyncRequest{Step: &quorumv1.SyncRequest_Ack{Ack: &quorumv1.Ack{Zxid: uint64(n)}}}
}

func commit(n int) *quorumv1.SyncResponse {
	return &quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Commit{Commit: &quorumv1.Commit{Zxid: uint64(n)}}}
}

// echo answers each ack with a commit of the same number.
func echo(s peer.LeaderStream) error {
	for {
		m, err := s.Recv()
		if err != nil {
			return err
		}
		if err := s.Send(commit(int(m.GetAck().GetZxid()))); err != nil {
			return err
		}
	}
}

// inBubble runs a test with two servers, of which the second serves.
func inBubble(t *testing.T, n func() *Network, serve func(peer.LeaderStream) error, f func(t *testing.T, n *Network, a, b *host)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := n()
		a, b := up(n, 1, nil), up(n, 2, serve)
		f(t, n, a, b)
		a.down()
		b.down()
		synctest.Wait()
		if left := len(n.mu.streams); left != 0 {
			t.Errorf("%d streams are left", left)
		}
	})
}

// newLAN is a network with chance but no faults.
func newLAN() *Network { return lan(1) }

// TestStreamKeepsOrderAndTime: messages arrive in their order, each at an instant of its own,
// within the latency, and not as the same values.
func TestStreamKeepsOrderAndTime(t *testing.T) {
	inBubble(t, newLAN, echo, func(t *testing.T, n *Network, a, b *host) {
		s, cancel := dial(t, a)
		begin := time.Now()
		go func() {
			for i := range 100 {
				if err := s.Send(ack(i)); err != nil {
					t.Error(err)
				}
			}
		}()
		last := begin
		for i := range 100 {
			m, err := s.Recv()
			if err != nil || m.GetCommit().GetZxid() != uint64(i) {
				t.Fatalf("message %d: %v, %v", i, m, err)
			}
			if now := time.Now(); i > 0 && !now.After(last) {
				t.Errorf("message %d arrives at the instant of the one before", i)
			} else {
				last = now
			}
		}
		if took := last.Sub(begin); took < 200*time.Microsecond || took > 15*time.Millisecond {
			t.Errorf("all took %v", took)
		}
		cancel(nil)
	})
}

// TestWindow: a sender waits while the other side does not receive.
func TestWindow(t *testing.T) {
	var gate chan struct{}
	late := func(s peer.LeaderStream) error { <-gate; return echo(s) }
	small := func() *Network { return NewNetwork(NetworkConfig{Seed: 1, Window: 40}) }
	inBubble(t, small, late, func(t *testing.T, n *Network, a, b *host) {
		gate = make(chan struct{})
		s, cancel := dial(t, a)
		sent := 0
		go func() {
			for sent < 100 && s.Send(ack(1000)) == nil {
				sent++
			}
		}()
		passInBubble(time.Second)
		if size := proto.Size(ack(1000)); sent != 40/size {
			t.Errorf("%d messages of %d bytes are on their way, with room for 40 bytes", sent, size)
		}
		close(gate)
		for range 100 {
			if _, err := s.Recv(); err != nil {
				t.Fatal(err)
			}
		}
		if n.Peak() > 40 {
			t.Errorf("%d bytes on their way", n.Peak())
		}
		cancel(nil)
	})
}

// TestEnds is a table of how a stream can end, and what its client sees.
func TestEnds(t *testing.T) {
	away := &peer.Rejection{Reason: quorumv1.RefusalReason_REFUSAL_REASON_NOT_LEADER, Detail: "not me", Leader: 3}
	for name, c := range map[string]struct {
		serve func(peer.LeaderStream) error
		do    func(n *Network, b *host)
		want  string
	}{
		"in order":       {serve: func(peer.LeaderStream) error { return nil }, want: "EOF"},
		"rejected":       {serve: func(peer.LeaderStream) error { return fmt.Errorf("wrapped: %w", away) }, want: "not me"},
		"an error":       {serve: func(peer.LeaderStream) error { return errors.New("broken") }, want: "server 2: broken"},
		"server stops":   {serve: echo, do: func(_ *Network, b *host) { b.stop() }, want: "connection reset"},
		"server dies":    {serve: echo, do: func(_ *Network, b *host) { b.port.Kill() }, want: "connection reset"},
		"link lost":      {serve: echo, do: func(n *Network, _ *host) { n.Cut(2, 1) }, want: "connection is lost"},
		"other way lost": {serve: echo, do: func(n *Network, _ *host) { n.Cut(1, 2) }, want: "connection is lost"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, newLAN, c.serve, func(t *testing.T, n *Network, a, b *host) {
				s, cancel := dial(t, a)
				if c.do != nil {
					c.do(n, b)
				}
				_, err := s.Recv()
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("Recv: %v, want %s", err, c.want)
				}
				var r *peer.Rejection
				if errors.As(err, &r) && (r == away || *r != *away) {
					t.Errorf("the rejection is %+v", r)
				}
				if _, again := s.Recv(); !errors.Is(again, err) {
					t.Errorf("Recv again: %v", again)
				}
				if sent := s.Send(ack(1)); sent == nil || sent.Error() != err.Error() {
					t.Errorf("Send: %v, want %v", sent, err)
				}
				if s.Context().Err() == nil {
					t.Error("the stream has ended, its context has not")
				}
				cancel(nil)
			})
		})
	}
}

// TestLastWordsArrive: what a server sends before it returns is received before the end.
func TestLastWordsArrive(t *testing.T) {
	talk := func(s peer.LeaderStream) error {
		for i := range 10 {
			if err := s.Send(commit(i)); err != nil {
				return err
			}
		}
		return nil
	}
	inBubble(t, newLAN, talk, func(t *testing.T, n *Network, a, b *host) {
		s, cancel := dial(t, a)
		passInBubble(time.Second)
		for i := range 10 {
			if m, err := s.Recv(); err != nil || m.GetCommit().GetZxid() != uint64(i) {
				t.Fatalf("%v, %v", m, err)
			}
		}
		if _, err := s.Recv(); err != io.EOF {
			t.Error(err)
		}
		cancel(nil)
	})
}

// TestHangUp: the end of the client's context ends its own side at once, the server's
// as soon as it can know.
func TestHangUp(t *testing.T) {
	var ended time.Time
	serve := func(s peer.LeaderStream) error {
		_, err := s.Recv()
		ended = time.Now()
		if !errors.Is(err, errHungUp) || s.Context().Err() == nil {
			t.Errorf("the server got %v, its context %v", err, s.Context().Err())
		}
		return err
	}
	inBubble(t, newLAN, serve, func(t *testing.T, n *Network, a, b *host) {
		s, cancel := dial(t, a)
		passInBubble(time.Second)
		enough := errors.New("enough")
		cancel(enough)
		if _, err := s.Recv(); !errors.Is(err, enough) {
			t.Errorf("Recv: %v", err)
		}
		if err := s.Send(ack(1)); !errors.Is(err, enough) {
			t.Errorf("Send: %v", err)
		}
		begin := time.Now()
		passInBubble(time.Second)
		if took := ended.Sub(begin); took < 100*time.Microsecond || took > 6*time.Millisecond {
			t.Errorf("the server knew after %v", took)
		}
	})
}

// TestServerReturnFreesItsOtherGoroutine: as in gRPC nothing but the return from the call
// interrupts a Recv, and that does.
func TestServerReturnFreesItsOtherGoroutine(t *testing.T) {
	var wg sync.WaitGroup
	serve := func(s peer.LeaderStream) error {
		wg.Go(func() {
			if _, err := s.Recv(); !errors.Is(err, errStopped) {
				t.Errorf("Recv: %v", err)
			}
		})
		return nil
	}
	inBubble(t, newLAN, serve, func(t *testing.T, n *Network, a, b *host) {
		_, cancel := dial(t, a)
		passInBubble(time.Second)
		wg.Wait()
		cancel(nil)
	})
}

// TestCutAndHeal: a short cut only delays, and of one direction only that.
func TestCutAndHeal(t *testing.T) {
	inBubble(t, newLAN, echo, func(t *testing.T, n *Network, a, b *host) {
		s, cancel := dial(t, a)
		begin := time.Now()
		n.Cut(2, 1)
		for i := range 5 {
			if err := s.Send(ack(i)); err != nil {
				t.Fatal(err)
			}
		}
		time.AfterFunc(time.Second, func() { n.Heal(2, 1) })
		for i := range 5 {
			if m, err := s.Recv(); err != nil || m.GetCommit().GetZxid() != uint64(i) {
				t.Fatalf("%v, %v", m, err)
			}
		}
		if took := time.Since(begin); took < time.Second || took > 1100*time.Millisecond {
			t.Errorf("took %v", took)
		}
		if n.Connected(2, 1) == false || n.Connected(1, 2) == false {
			t.Error("not healed")
		}
		cancel(nil)
	})
}

// TestSilence: where nothing detects a cut, a stream stands for ever.
func TestSilence(t *testing.T) {
	silent := func() *Network { return NewNetwork(NetworkConfig{Seed: 1, Detect: -1}) }
	inBubble(t, silent, echo, func(t *testing.T, n *Network, a, b *host) {
		s, cancel := dial(t, a)
		n.Cut(1, 2)
		time.AfterFunc(time.Hour, func() { cancel(errors.New("an hour has passed")) })
		if _, err := s.Recv(); err == nil || err.Error() != "an hour has passed" {
			t.Error(err)
		}
		n.Heal(1, 2) // or the server never learns that its client has gone
	})
}

// TestCalls is a table of calls that fail.
func TestCalls(t *testing.T) {
	for name, c := range map[string]struct {
		do     func(n *Network, b *host)
		want   string
		before time.Duration
	}{
		"nobody there":  {func(_ *Network, b *host) { b.down() }, "connection refused", 11 * time.Millisecond},
		"no way there":  {func(n *Network, _ *host) { n.Cut(1, 2) }, "does not answer", 1001 * time.Millisecond},
		"no way back":   {func(n *Network, _ *host) { n.Cut(2, 1) }, "does not answer", 1001 * time.Millisecond},
		"gives up soon": {func(n *Network, _ *host) { n.SetLatency(1, 2, Span{time.Minute, time.Minute}) }, "deadline", 101 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, newLAN, echo, func(t *testing.T, n *Network, a, b *host) {
				c.do(n, b)
				ctx, cancel := context.WithCancel(t.Context())
				if c.want == "deadline" {
					ctx, cancel = context.WithTimeout(t.Context(), 100*time.Millisecond)
				}
				defer cancel()
				begin := time.Now()
				_, err := a.port.Sync(ctx, txn.Member{ID: 2})
				if err == nil || !strings.Contains(err.Error(), c.want) || time.Since(begin) > c.before {
					t.Errorf("%v after %v, want %s within %v", err, time.Since(begin), c.want, c.before)
				}
				if name == "nobody there" {
					b.done = make(chan struct{})
					close(b.done)
				}
			})
		})
	}
}

// TestDeadServersSayNothing: what a killed process does goes nowhere.
func TestDeadServersSayNothing(t *testing.T) {
	inBubble(t, newLAN, echo, func(t *testing.T, n *Network, a, b *host) {
		s, cancel := dial(t, a)
		a.port.Kill()
		if err := s.Send(ack(1)); !errors.Is(err, errStopped) {
			t.Errorf("Send: %v", err)
		}
		if _, err := a.port.Sync(t.Context(), txn.Member{ID: 2}); !errors.Is(err, errStopped) {
			t.Errorf("a call: %v", err)
		}
		cancel(nil)
		again := up(n, 1, echo)
		if _, err := again.port.Sync(t.Context(), txn.Member{ID: 2}); err != nil {
			t.Errorf("the next life's call: %v", err)
		}
		again.port.Kill()
		again.down()
	})
}

// TestSameSeedSameInstants: all of a conversation among five servers happens at the same
// instants again, no two deliveries share one, and another seed gives others.
func TestSameSeedSameInstants(t *testing.T) {
	first, again, other := instants(t, 1), instants(t, 1), instants(t, 2)
	if len(first) != 5*4*50 {
		t.Fatalf("%d deliveries", len(first))
	}
	if !slices.Equal(first, again) {
		t.Error("the same seed gives other instants")
	}
	if slices.Equal(first, other) {
		t.Error("another seed gives the same instants")
	}
	if distinct := slices.Compact(slices.Clone(first)); len(distinct) != len(first) {
		t.Errorf("%d deliveries in %d instants", len(first), len(distinct))
	}
}

// instants has everybody send to everybody at the same time, and returns when things arrive.
func instants(t *testing.T, seed uint64) []time.Duration {
	t.Helper()
	var mu sync.Mutex
	var all []time.Duration
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		n := lan(seed)
		listen := func(s peer.LeaderStream) error {
			for {
				if _, err := s.Recv(); err != nil {
					return err
				}
				mu.Lock()
				all = append(all, time.Since(begin))
				mu.Unlock()
			}
		}
		var hosts []*host
		for id := range 5 {
			hosts = append(hosts, up(n, txn.ServerID(id+1), listen))
		}
		for i, h := range hosts {
			for to := range hosts {
				if to != i {
					go talkInBubble(t, h, txn.ServerID(to+1))
				}
			}
		}
		time.Sleep(time.Minute)
		for _, h := range hosts {
			h.port.Kill()
			h.down()
		}
	})
	slices.Sort(all)
	return all
}

func talkInBubble(t *testing.T, h *host, to txn.ServerID) {
	s, err := h.port.Sync(t.Context(), txn.Member{ID: to})
	if err != nil {
		t.Error(err)
		return
	}
	for i := range 50 {
		if err := s.Send(ack(i)); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Millisecond)
	}
}
