package client_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/clienttest"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// world is a fake ensemble of two servers and a client of it, within a bubble.
type world struct {
	*testing.T
	fake *clienttest.Fake
	net  *clienttest.Network
	c    *client.Client
}

// inWorld runs a test in a bubble: goroutines that are left over fail it.
func inWorld(t *testing.T, test func(w *world)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, fake: clienttest.New()}
		w.net = w.fake.Network(t)
		w.c = w.dial()
		test(w)
	})
}

func (w *world) dial() *client.Client {
	c, err := client.Dial([]string{"one:1", "two:2"}, client.WithDialer(w.net.Dial))
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = c.Close() })
	return c
}

func (w *world) session(options ...client.SessionOption) *client.Session {
	w.Helper()
	s, err := w.c.OpenSession(w.Context(), options...)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) create(s client.Tree, path string, options ...client.CreateOption) client.Node {
	w.Helper()
	n, err := s.Create(w.Context(), path, nil, options...)
	w.must(err)
	return n
}

func TestEphemeralNodesLiveAsLongAsTheirSession(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.session()
		n := w.create(s.Tree, "/e", client.Ephemeral())
		if n.Stat.Owner != s.ID() || n.Stat.Kind != client.EphemeralNode || n.Stat.Czxid != n.Zxid {
			w.Errorf("created %+v", n)
		}
		if paths, err := s.Ephemerals(w.Context(), "/"); err != nil || !slices.Equal(paths, []string{"/e"}) {
			w.Errorf("Ephemerals: %v, %v", paths, err)
		}
		pauseInBubble(10 * s.Timeout()) // pings keep it
		if _, there, err := w.c.Exists(w.Context(), "/e"); err != nil || !there {
			w.Errorf("the node did not live on: %v, %v", there, err)
		}
		w.must(s.Close(w.Context()))
		if _, there, _ := w.c.Exists(w.Context(), "/e"); there {
			w.Error("the node outlives its session")
		}
		if _, err := s.Get(w.Context(), "/"); !errors.Is(err, client.ErrClosed) || s.State() != client.Closed {
			w.Errorf("a call after Close: %v, state %v", err, s.State())
		}
		w.must(s.Close(w.Context()))
	})
}

func TestWritesOverBreaksTakeEffectOnceAndInOrder(t *testing.T) {
	inWorld(t, func(w *world) {
		var calls atomic.Int64
		w.fake.OnCall = func(uint64, *apiv1.SessionCall) clienttest.Break {
			switch n := calls.Add(1); {
			case n%17 == 0:
				return clienttest.BreakAfter
			case n%11 == 0:
				return clienttest.BreakBefore
			}
			return clienttest.NoBreak
		}
		s := w.session()
		for i := range 200 {
			n := w.create(s.Tree, "/n-", client.Sequential(), client.Ephemeral())
			if want := fmt.Sprintf("/n-%010d", i); n.Path != want || n.Stat.Owner != s.ID() || n.Stat.Czxid != n.Zxid {
				w.Fatalf("created %+v, want %s", n, want)
			}
		}
		w.create(s.Tree, "/v")
		var stat client.Stat
		for i := range 100 {
			var err error
			stat, err = s.Set(w.Context(), "/v", []byte{byte(i)}, client.IfVersion(int32(i)))
			if err != nil || stat.Version != int32(i)+1 {
				w.Fatalf("Set %d: %+v, %v", i, stat, err)
			}
		}
		if s.State() != client.Connected {
			w.Errorf("state %v", s.State())
		}
	})
}

func TestPipelinedWritesKeepTheirOrder(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.session()
		w.create(s.Tree, "/v")
		var last *client.Pending
		for i := range 5000 {
			p, err := s.Start(w.Context(), client.SetOp("/v", fmt.Append(nil, i), client.IfVersion(int32(i))))
			w.must(err)
			last = p
			if i%1000 == 500 {
				synctest.Wait()
				w.fake.Cut()
			}
		}
		if r, err := last.Wait(w.Context()); err != nil || r.Stat.Version != 5000 {
			w.Fatalf("the last write: %+v, %v", r, err)
		}
		if n, err := s.Get(w.Context(), "/v"); err != nil || string(n.Data) != "4999" {
			w.Errorf("%q, %v", n.Data, err)
		}
	})
}

func TestSessionExpiresWhenTheEnsembleSaysSo(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.session()
		watcher, err := s.Watch(w.Context(), "/", client.WatchRecursive)
		w.must(err)
		w.fake.Expire(uint64(s.ID()))
		<-s.Done()
		_, called := s.Get(w.Context(), "/")
		_, watched := watcher.Next(w.Context())
		for _, err := range []error{s.Err(), called, watched} {
			if !errors.Is(err, client.ErrSessionExpired) {
				w.Errorf("got %v, want ErrSessionExpired", err)
			}
		}
		if s.State() != client.Expired {
			w.Errorf("state %v", s.State())
		}
	})
}

func TestSessionExpiresByItselfWithoutContact(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.session(client.SessionTimeout(9 * time.Second))
		states := make(chan client.State, 10)
		go func() {
			for state := range s.States(w.Context()) {
				states <- state
			}
			close(states)
		}()
		synctest.Wait()
		w.net.Down(true)
		from := time.Now()
		synctest.Wait()
		p, err := s.Start(w.Context(), client.CreateOp("/a", nil))
		w.must(err)
		<-s.Done()
		if took := time.Since(from); took < 11*time.Second || took > 12*time.Second {
			w.Errorf("it expired after %v, want 12s after the last contact", took)
		}
		if _, err := p.Wait(w.Context()); !errors.Is(err, client.ErrSessionExpired) || errors.Is(err, client.ErrUnknownOutcome) {
			w.Errorf("a write that was never sent: %v", err)
		}
		var all []client.State
		for state := range states {
			all = append(all, state)
		}
		if want := []client.State{client.Connected, client.Suspended, client.Expired}; !slices.Equal(all, want) {
			w.Errorf("states %v, want %v", all, want)
		}
	})
}

func TestSessionMovesWithItsNodes(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.session()
		n := w.create(s.Tree, "/e", client.Ephemeral())
		w.net.Down(true)
		pauseInBubble(s.Timeout() / 2)
		if s.State() != client.Connected && s.State() != client.Suspended {
			w.Errorf("state %v", s.State())
		}
		w.net.Down(false)
		if again, err := s.Get(w.Context(), "/e"); err != nil || again.Stat.Czxid != n.Stat.Czxid {
			w.Errorf("after the break: %+v, %v", again, err)
		}
	})
}

func TestCallThatWasNotSentIsNotMadeWhenItsCallerHasGone(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.session()
		w.net.Down(true)
		ctx, cancel := context.WithTimeout(w.Context(), time.Second)
		defer cancel()
		synctest.Wait()
		if _, err := s.Create(ctx, "/a", nil); !errors.Is(err, client.ErrTimeout) {
			w.Errorf("got %v, want ErrTimeout", err)
		}
		w.net.Down(false)
		w.create(s.Tree, "/b")
		if _, there, err := s.Exists(w.Context(), "/a"); there || err != nil {
			w.Errorf("/a: %v, %v", there, err)
		}
	})
}

// A server whose connection stands, but over which nothing comes any more, is left in time: the session and its nodes live on.
func TestSessionLeavesASilentServer(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.session()
		n := w.create(s.Tree, "/e", client.Ephemeral())
		w.net.Stall()
		from := time.Now()
		if again, err := s.Get(w.Context(), "/e"); err != nil || again.Stat.Czxid != n.Zxid || time.Since(from) >= s.Timeout() {
			w.Errorf("after %v: %+v, %v", time.Since(from), again, err)
		}
	})
}

// A connection that is dead is not used for ever, also where there is no other server.
func TestDeadConnectionIsReplaced(t *testing.T) {
	inWorld(t, func(w *world) {
		c, err := client.Dial([]string{"one:1"}, client.WithDialer(w.net.Dial))
		w.must(err)
		defer func() { _ = c.Close() }()
		s, err := c.OpenSession(w.Context(), client.SessionTimeout(30*time.Second))
		w.must(err)
		defer func() { _ = s.Close(context.Background()) }()
		w.net.Stall()
		if _, err := s.Get(w.Context(), "/"); err != nil {
			w.Errorf("after %v: %v", s.State(), err)
		}
	})
}

func TestReadOnlyUntilThereIsAQuorum(t *testing.T) {
	inWorld(t, func(w *world) {
		w.fake.ReadOnly(true)
		ctx, cancel := timeLimit(w, time.Second)
		defer cancel()
		if _, err := w.c.OpenSession(ctx); !errors.Is(err, client.ErrTimeout) || !errors.Is(err, client.ErrUnavailable) {
			w.Errorf("who does not accept it: %v", err)
		}
		unused, err := w.c.OpenSession(w.Context(), client.AcceptReadOnly())
		w.must(err)
		w.must(unused.Close(w.Context()))
		s := w.session(client.AcceptReadOnly())
		if _, err := s.Get(w.Context(), "/"); err != nil || s.State() != client.ReadOnly || s.ID() != 0 {
			w.Errorf("a read: %v; state %v, id %v", err, s.State(), s.ID())
		}
		if _, err := s.Create(w.Context(), "/a", nil); !errors.Is(err, client.ErrReadOnly) {
			w.Errorf("a write: %v, want ErrReadOnly", err)
		}
		watcher, err := s.Watch(w.Context(), "/", client.WatchRecursive)
		w.must(err)
		pauseInBubble(time.Minute)
		w.fake.ReadOnly(false)
		for state := range s.States(w.Context()) {
			if state == client.Connected {
				break
			}
		}
		n := w.create(s.Tree, "/a", client.Ephemeral())
		if n.Stat.Owner != s.ID() || s.ID() == 0 {
			w.Errorf("created %+v by %v", n, s.ID())
		}
		expect(w, watcher, client.EventCreated, "/a")
		w.fake.ReadOnly(true)
		pauseInBubble(time.Second)
		if s.State() != client.Suspended {
			w.Errorf("state %v without a quorum", s.State())
		}
		w.fake.ReadOnly(false)
		if _, err := s.Get(w.Context(), "/a"); err != nil {
			w.Error(err)
		}
	})
}

func TestIdentitiesSurviveABreak(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.session()
		w.must(s.Authenticate(w.Context(), "digest", "ann:secret"))
		w.create(s.Tree, "/a", client.WithACL(client.ACE{Perms: client.PermAll, Scheme: "digest", ID: clienttest.Digest("ann:secret")}))
		w.fake.Cut()
		if _, err := s.Get(w.Context(), "/a"); err != nil {
			w.Errorf("after a break: %v", err)
		}
		if err := s.Authenticate(w.Context(), "digest", "nonsense"); !errors.Is(err, client.ErrAuthFailed) {
			w.Errorf("got %v, want ErrAuthFailed", err)
		}
		if _, err := w.c.Get(w.Context(), "/a"); !errors.Is(err, client.ErrNoAuth) {
			w.Errorf("nobody: %v, want ErrNoAuth", err)
		}
	})
}

func TestCloseOfTheClientEndsItsSessions(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.session()
		w.must(w.c.Close())
		<-s.Done()
		if !errors.Is(s.Err(), client.ErrClosed) {
			w.Errorf("got %v, want ErrClosed", s.Err())
		}
	})
}

func TestTreeOfASessionAndOfAClientAreTheSame(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.session()
		for i, tree := range []client.Tree{s.Tree, w.c.Tree} {
			testTree(w, tree, fmt.Sprintf("/t%d", i))
		}
	})
}

func testTree(w *world, tree client.Tree, root string) {
	ctx := w.Context()
	w.create(tree, root)
	results, err := tree.Multi(ctx, client.CreateOp(root+"/a", []byte("x")), client.SetOp(root+"/a", []byte("y")), client.CheckOp(root, client.IfVersion(0)), client.CreateOp(root+"/b-", nil, client.Sequential()))
	if err != nil || len(results) != 4 || results[1].Stat.Version != 1 || results[3].Path != root+"/b-0000000001" {
		w.Fatalf("Multi: %+v, %v", results, err)
	}
	if none, err := tree.Multi(ctx); none != nil || err != nil {
		w.Errorf("an empty Multi: %v, %v", none, err)
	}
	var e *client.Error
	if _, err := tree.Multi(ctx, client.CheckOp(root), client.DeleteOp(root+"/none")); !errors.As(err, &e) || !errors.Is(err, client.ErrNoNode) || e.Op != 2 || e.Path != root+"/none" {
		w.Errorf("a Multi that fails: %+v", err)
	}
	var names []string
	for entry, err := range tree.List(ctx, root, client.WithData()) {
		w.must(err)
		names = append(names, entry.Name+"="+string(entry.Data))
	}
	if want := []string{"a=y", "b-0000000001="}; !slices.Equal(names, want) {
		w.Errorf("List: %v, want %v", names, want)
	}
	children, stat, err := tree.Children(ctx, root)
	if err != nil || len(children) != 2 || stat.NumChildren != 2 {
		w.Errorf("Children: %v, %+v, %v", children, stat, err)
	}
	reads, err := tree.MultiRead(ctx, []client.Read{client.GetRead(root + "/a"), client.ChildrenRead(root), client.GetRead(root + "/none")})
	if err != nil || len(reads) != 3 || string(reads[0].Node.Data) != "y" || len(reads[1].Children) != 2 || !errors.Is(reads[2].Err, client.ErrNoNode) {
		w.Errorf("MultiRead: %+v, %v", reads, err)
	}
	if n, err := tree.CountDescendants(ctx, root); n != 2 || err != nil {
		w.Errorf("CountDescendants: %d, %v", n, err)
	}
	if _, err := tree.Set(ctx, root+"/a", nil, client.IfVersion(7)); !errors.Is(err, client.ErrBadVersion) {
		w.Errorf("Set at another version: %v", err)
	}
	if _, err := tree.SetACL(ctx, root, []client.ACE{{Perms: client.PermRead, Scheme: "world", ID: "anyone"}}); err != nil {
		w.Error(err)
	}
	if acl, _, err := tree.GetACL(ctx, root); err != nil || len(acl) != 1 || acl[0].Perms != client.PermRead {
		w.Errorf("GetACL: %v, %v", acl, err)
	}
	if _, err := tree.Sync(ctx); err != nil {
		w.Error(err)
	}
	if _, err := tree.WhoAmI(ctx); err != nil {
		w.Error(err)
	}
	if err := tree.Delete(ctx, root); !errors.Is(err, client.ErrNotEmpty) {
		w.Errorf("Delete: %v", err)
	}
}

// other returns a client whose network is never down.
func (w *world) other() *client.Client {
	c, err := client.Dial([]string{"three:3"}, client.WithDialer(w.fake.Network(w.T).Dial))
	w.must(err)
	w.Cleanup(func() { _ = c.Close() })
	return c
}

// timeLimit is a context of the bubble's time; of 0 it ends when nothing else can go on.
func timeLimit(w *world, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(w.Context(), max(d, time.Nanosecond))
}

// pauseInBubble lets simulated time pass.
func pauseInBubble(d time.Duration) { time.Sleep(d) }

func isUnknown(err error) bool { return errors.Is(err, client.ErrUnknownOutcome) }

// A server that has too much to do when a session comes back to it must not take an identity from it: the session comes again.
func TestOverloadWhenTheSessionIsTakenUp(t *testing.T) {
	inWorld(t, func(w *world) {
		refusals := 0
		w.fake.OnCall = func(_ uint64, c *apiv1.SessionCall) clienttest.Break {
			if c.GetAuthenticate() == nil || string(c.GetAuthenticate().GetCredentials()) != "ann:secret" || refusals == 0 {
				return clienttest.NoBreak
			}
			refusals--
			return clienttest.Overload
		}
		s := w.session()
		w.must(s.Authenticate(w.Context(), "digest", "bob:word"))
		w.must(s.Authenticate(w.Context(), "digest", "ann:secret"))
		w.create(s.Tree, "/a", client.WithACL(client.ACE{Perms: client.PermAll, Scheme: "digest", ID: clienttest.Digest("ann:secret")}))
		refusals = 3
		began := time.Now()
		w.fake.Cut()
		if _, err := s.Set(w.Context(), "/a", []byte("new")); err != nil || refusals != 0 {
			w.Errorf("as ann, with %d refusals left: %v", refusals, err)
		}
		if took := time.Since(began); took < 30*time.Millisecond {
			w.Errorf("refused thrice, it has come again within %v", took)
		}
	})
}
