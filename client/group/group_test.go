package group_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/clienttest"
	"github.com/quorate/quorate/client/group"
	"github.com/quorate/quorate/client/internal/trial"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

func names(members []group.Member) string {
	var all []string
	for _, m := range members {
		all = append(all, m.Name+":"+string(m.Data))
	}
	return strings.Join(all, " ")
}

func TestMembersComeAndGo(t *testing.T) {
	trial.Run(t, func(w *trial.World) {
		ann, bob, all := w.Session(), w.Session(), w.Session()
		ctx, cancel := context.WithCancel(w.Context())
		seen := make(chan string, 10)
		w.Go(func() {
			for members, err := range group.New(all, "/g").Watch(ctx) {
				if err == nil {
					seen <- names(members)
				}
			}
		})
		next := func(want string) {
			w.Helper()
			if got := <-seen; got != want {
				w.Fatalf("seen %q, want %q", got, want)
			}
		}
		next("")
		a, err := group.New(ann, "/g").Join(ctx, "ann", []byte("1"))
		w.Must(err)
		next("ann:1")
		if _, err := group.New(bob, "/g").Join(ctx, "ann", nil); !errors.Is(err, client.ErrNodeExists) {
			w.Errorf("the same name: %v, want ErrNodeExists", err)
		}
		b, err := group.New(bob, "/g").Join(ctx, "bob", nil)
		w.Must(err)
		next("ann:1 bob:")
		w.Must(a.Update(ctx, []byte("2")))
		next("ann:2 bob:")
		w.Fake.Cut()
		w.Fake.Expire(uint64(bob.ID()))
		<-b.Done()
		next("ann:2")
		w.Must(a.Leave(ctx))
		next("")
		w.Must(a.Leave(ctx))
		w.Settle()
		if len(seen) != 0 {
			w.Errorf("seen once more: %q", <-seen)
		}
		cancel()
	})
}

// Who gives up joining while the answer is on its way is no member later.
func TestWhoGivesUpIsNoMember(t *testing.T) {
	trial.Run(t, func(w *trial.World) {
		s := w.Session()
		_, err := s.Create(w.Context(), "/g", nil)
		w.Must(err)
		hold := make(chan struct{})
		w.Fake.OnCall = func(_ uint64, c *apiv1.SessionCall) clienttest.Break {
			if c.GetCreate() != nil {
				<-hold
			}
			return clienttest.NoBreak
		}
		ctx, cancel := context.WithTimeout(w.Context(), time.Second)
		defer cancel()
		g := group.New(s, "/g")
		if _, err := g.Join(ctx, "ann", nil); !errors.Is(err, client.ErrTimeout) {
			w.Errorf("got %v, want ErrTimeout", err)
		}
		close(hold)
		w.Settle()
		if members, err := g.Members(w.Context()); len(members) != 0 || err != nil {
			w.Errorf("members %v, %v", members, err)
		}
	})
}
