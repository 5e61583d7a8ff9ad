package peer

import (
	"context"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
)

// TestConnectionsBound: a port has room for so many, and room again when one leaves.
func TestConnectionsBound(t *testing.T) {
	d := &doorkeeper{room: 3}
	enter := func() (net.Conn, error) {
		a, b := net.Pipe()
		defer b.Close()
		c, _, err := d.ServerHandshake(a)
		return c, err
	}
	var guests []net.Conn
	for range 3 {
		c, err := enter()
		if err != nil {
			t.Fatal(err)
		}
		guests = append(guests, c)
	}
	for range 2 {
		if _, err := enter(); err == nil {
			t.Error("one too many")
		}
	}
	guests[0].Close()
	guests[0].Close()
	if _, err := enter(); err != nil {
		t.Error(err)
	}
	if _, err := enter(); err == nil {
		t.Error("one left, two came")
	}
}

// TestPlacesGivenBack: the port's connections leave the count, however they end.
func TestPlacesGivenBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var received atomic.Value
		w := newWire(t, pingPong(&received), func(_, two *TransportConfig) { two.MaxConnections = 2 })
		before := w.follow(t, t.Context())
		for range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			w.follow(t, ctx)
			if _, err := w.Sync(t.Context(), server2); err == nil {
				t.Error("a third connection")
			}
			cancel()
			synctest.Wait()
			c, err := w.listener.Dial()
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(c, "ruok")
			c.Close()
			synctest.Wait()
		}
		stillGood(t, w, before)
	})
}

// TestStreamsBound: a connection carries so many calls; the next one waits.
func TestStreamsBound(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var open atomic.Int32
		w := newWire(t, scripted{sync: func(s LeaderStream) error {
			open.Add(1)
			defer open.Add(-1)
			_, err := s.Recv()
			return err
		}})
		c := quorumv1.NewLearnerClient(w.stranger(t))
		first, err := c.Sync(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range maxStreams {
			go c.Sync(t.Context())
		}
		synctest.Wait()
		if n := open.Load(); n != maxStreams {
			t.Errorf("%d streams are served", n)
		}
		first.CloseSend()
		if _, err := first.Recv(); err != io.EOF {
			t.Error(err)
		}
		synctest.Wait()
		if n := open.Load(); n != maxStreams {
			t.Errorf("%d streams are served after one has ended", n)
		}
	})
}

// TestStalledLearner: of a learner that reads nothing, no more lies around than the windows allow, and the
// leader's other streams go on.
func TestStalledLearner(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const chunk = 128 << 10
		sent, stall := 0, true
		w := newWire(t, scripted{sync: func(s LeaderStream) error {
			if _, err := s.Recv(); err != nil {
				return err
			}
			if !stall {
				return s.Send(pingOf(1))
			}
			for s.Send(ballast(chunk)) == nil {
				sent += chunk
			}
			return nil
		}})
		w.follow(t, t.Context())
		synctest.Wait()
		// The receiver's window, a message and gRPC's 64 KB on the sender's side.
		if sent > streamWindow+2*chunk {
			t.Errorf("%d bytes were sent to a learner that does not read", sent)
		}
		if sent < streamWindow-chunk {
			t.Errorf("only %d bytes are on their way", sent)
		}
		stall = false
		if m, err := w.follow(t, t.Context()).Recv(); err != nil || m.GetPing() == nil {
			t.Errorf("%v, %v", m, err)
		}
	})
}

// TestStalledLeader: the same the other way.
func TestStalledLeader(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const chunk = 128 << 10
		sent := 0
		w := newWire(t, scripted{sync: func(s LeaderStream) error { <-s.Context().Done(); return nil }})
		s := w.follow(t, t.Context())
		go func() {
			for s.Send(stuffed(&quorumv1.SyncRequest{}, chunk)) == nil {
				sent += chunk
			}
		}()
		synctest.Wait()
		if sent > streamWindow+2*chunk || sent < streamWindow-chunk {
			t.Errorf("%d bytes were sent to a leader that does not read", sent)
		}
	})
}

// TestHeadersBound: more than so much metadata is not taken, by either end.
func TestHeadersBound(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var received atomic.Value
		w := newWire(t, pingPong(&received))
		before := w.follow(t, t.Context())
		for bytes, want := range map[int]codes.Code{maxHeaders / 2: codes.OK, maxHeaders: codes.Internal} {
			ctx := metadata.AppendToOutgoingContext(t.Context(), "ballast", strings.Repeat("x", bytes))
			s, err := quorumv1.NewLearnerClient(w.stranger(t)).Sync(ctx)
			if err == nil {
				err = s.Send(learnerInfo(1))
			}
			if err == nil {
				_, err = s.Recv()
			}
			if status.Code(err) != want {
				t.Errorf("%d bytes of metadata: %v", bytes, err)
			}
		}
		stillGood(t, w, before)
	})
	bubble(t, func(t *testing.T) {
		w := newWire(t, scripted{sync: func(s LeaderStream) error {
			stream := s.(*served[quorumv1.SyncResponse, quorumv1.SyncRequest])
			return stream.SendHeader(metadata.Pairs("ballast", strings.Repeat("x", maxHeaders)))
		}})
		s, err := w.Sync(t.Context(), server2)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Recv(); status.Code(err) != codes.Internal {
			t.Error(err)
		}
	})
}
