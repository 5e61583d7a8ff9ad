package trial

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/clienttest"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// World is an ensemble in memory and simulated time.
type World struct {
	*testing.T
	Fake *clienttest.Fake
	// Client is one whose calls are not disturbed unless the test asks for it.
	Client *client.Client

	net *clienttest.Network
	wg  sync.WaitGroup
	mu  struct {
		sync.Mutex
		random *rand.Rand
		rate   int // of a thousand calls, so many break; 0: none
		safe   map[uint64]bool
	}
}

// Run runs a test in a world of its own. Goroutines that are left over fail it.
func Run(t *testing.T, test func(w *World)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &World{T: t, Fake: clienttest.New()}
		w.mu.safe = map[uint64]bool{}
		w.Fake.OnCall = w.onCall
		w.net = w.Fake.Network(t)
		w.Client = w.dial()
		test(w)
		w.wg.Wait()
	})
}

func (w *World) dial() *client.Client {
	c, err := client.Dial([]string{"one:1", "two:2", "three:3"}, client.WithDialer(w.net.Dial))
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = c.Close() })
	return c
}

// Session opens a session, which the test closes at its end.
func (w *World) Session() *client.Session {
	w.Helper()
	s, err := w.Client.OpenSession(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}

// Must ends the test if there is an error.
func (w *World) Must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// Go runs f beside the test, which waits for it at its end.
func (w *World) Go(f func()) { w.wg.Go(f) }

// Wait waits for all that Go has started.
func (w *World) Wait() { w.wg.Wait() }

// Settle waits until nothing goes on any more in this instant.
func (w *World) Settle() { synctest.Wait() }

// Break lets so many of a thousand calls of sessions break their stream, half of them before and half after they
// are carried out.
func (w *World) Break(seed uint64, rate int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mu.random, w.mu.rate = rand.New(rand.NewPCG(seed, 7)), rate
}

func (w *World) onCall(uint64, *apiv1.SessionCall) clienttest.Break {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mu.rate == 0 || w.mu.random.IntN(1000) >= w.mu.rate {
		return clienttest.NoBreak
	}
	return clienttest.BreakBefore + clienttest.Break(w.mu.random.IntN(2))
}

// Spare keeps a session from being expired by Expire.
func (w *World) Spare(s *client.Session) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mu.safe[uint64(s.ID())] = true
}

// Expire lets a session expire every now and then, until ctx ends.
func (w *World) Expire(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	w.Go(func() {
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				w.expireOne()
			case <-ctx.Done():
				return
			}
		}
	})
}

func (w *World) expireOne() {
	w.mu.Lock()
	defer w.mu.Unlock()
	var open []uint64
	for _, id := range w.Fake.Sessions() {
		if !w.mu.safe[id] {
			open = append(open, id)
		}
	}
	if len(open) > 0 {
		w.Fake.Expire(open[w.mu.random.IntN(len(open))])
	}
}

// Pause lets simulated time pass, up to most.
func (w *World) Pause(most time.Duration) {
	w.mu.Lock()
	d := time.Duration(w.mu.random.Int64N(int64(most)))
	w.mu.Unlock()
	time.Sleep(d)
}
