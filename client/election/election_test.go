package election_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/election"
	"github.com/quorate/quorate/client/internal/trial"
)

// Each leader writes its token, guarded by its term, while connections break and sessions expire: no token is ever followed by a smaller one.
func TestTwoLeadersNeverAct(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			trial.Run(t, func(w *trial.World) { reign(w, seed) })
		})
	}
}

func reign(w *trial.World, seed uint64) {
	_, err := w.Client.Create(w.Context(), "/acts", nil)
	w.Must(err)
	w.Break(seed, 40)
	ctx, cancel := context.WithTimeout(w.Context(), 5*time.Minute)
	defer cancel()
	w.Expire(ctx, 5*time.Second)
	for i := range 4 {
		w.Go(func() {
			for ctx.Err() == nil {
				stand(ctx, w, fmt.Sprint(i))
			}
		})
	}
	var acts []client.Zxid
	terms := map[client.Zxid]bool{}
	for e, err := range w.Client.Watch(ctx, "/acts", client.WithData()) {
		if err != nil {
			break
		}
		var token client.Zxid
		if _, err := fmt.Sscan(string(e.Data), (*uint64)(&token)); err == nil {
			acts = append(acts, token)
			terms[token] = true
		}
	}
	for i := range acts {
		if i > 0 && acts[i] < acts[i-1] {
			w.Fatalf("two leaders acted: %v", acts)
		}
	}
	if len(terms) < 20 || len(acts) <= len(terms) {
		w.Errorf("%d acts in %d terms: too few to show anything", len(acts), len(terms))
	}
}

// stand is a candidate until its session ends.
func stand(ctx context.Context, w *trial.World, name string) {
	s, err := w.Client.OpenSession(ctx)
	if err != nil {
		return
	}
	defer func() { _ = s.Close(context.Background()) }()
	for ctx.Err() == nil && s.Err() == nil {
		term, err := election.New(s, "/vote").Campaign(ctx, []byte(name))
		if err != nil {
			return
		}
		for range 4 {
			_, _ = s.Multi(ctx, term.Guard(), client.SetOp("/acts", fmt.Append(nil, uint64(term.Token()))))
			w.Pause(time.Second)
		}
		_ = term.Resign(ctx)
	}
}

func TestObserversSeeEachLeader(t *testing.T) {
	trial.Run(t, func(w *trial.World) {
		ann, bob, all := w.Session(), w.Session(), w.Session()
		e := election.New(all, "/vote")
		if _, err := e.Leader(w.Context()); !errors.Is(err, election.ErrNoLeader) {
			w.Errorf("got %v, want ErrNoLeader", err)
		}
		ctx, cancel := context.WithCancel(w.Context())
		seen := make(chan string, 10)
		w.Go(func() {
			for l, err := range e.Observe(ctx) {
				if err == nil {
					seen <- string(l.Value)
				}
			}
			close(seen)
		})
		w.Settle() // it has seen that there is none
		term, err := election.New(ann, "/vote").Campaign(w.Context(), []byte("ann"))
		w.Must(err)
		w.Settle()
		next := make(chan *election.Term, 1)
		w.Go(func() {
			term, err := election.New(bob, "/vote").Campaign(w.Context(), []byte("bob"))
			w.Must(err)
			next <- term
		})
		w.Settle()
		if l, err := e.Leader(w.Context()); err != nil || string(l.Value) != "ann" || l.Token != term.Token() || l.Session != ann.ID() {
			w.Errorf("leader %+v, %v", l, err)
		}
		w.Fake.Expire(uint64(ann.ID()))
		<-term.Done()
		second := <-next
		w.Settle()
		if second.Token() <= term.Token() {
			w.Errorf("token %v after %v", second.Token(), term.Token())
		}
		w.Must(second.Resign(w.Context()))
		w.Settle()
		cancel()
		w.Wait()
		for _, want := range []string{"", "ann", "bob", ""} {
			if got := <-seen; got != want {
				w.Errorf("seen %q, want %q", got, want)
			}
		}
	})
}
