package vigil_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/clienttest"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	"github.com/quorate/quorate/cmd/quorate/internal/render"
	"github.com/quorate/quorate/cmd/quorate/internal/vigil"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// world is a Fake, a session of it, and a vigil with what it has printed.
type world struct {
	*testing.T
	fake          *clienttest.Fake
	net           *clienttest.Network
	session       *client.Session
	vigil         *vigil.Vigil
	out, complain bytes.Buffer
}

func in(t *testing.T, test func(w *world)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, fake: clienttest.New(), vigil: vigil.New()}
		w.net = w.fake.Network(t)
		c, err := client.Dial([]string{"one:1"}, client.WithDialer(w.net.Dial))
		w.must(err)
		w.session, err = c.OpenSession(t.Context())
		w.must(err)
		test(w)
		w.must(w.session.Close(context.Background()))
		w.vigil.Close()
		w.must(c.Close())
	})
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) watch(path string, recursive bool) error {
	return w.vigil.Watch(w.Context(), w.session, path, recursive, render.Printer{Out: &w.out}, &w.complain)
}

// create creates a node behind the session's back.
func (w *world) create(path string) {
	w.Helper()
	_, err := w.fake.Create(w.Context(), &apiv1.CreateRequest{Path: path})
	w.must(err)
	synctest.Wait()
}

// printed are the events, without their zxids.
func (w *world) printed() string {
	var events []string
	for line := range strings.Lines(w.out.String()) {
		events = append(events, strings.Join(strings.Fields(line)[1:], " "))
	}
	return strings.Join(events, ", ")
}

func TestWatchesPrint(t *testing.T) {
	in(t, func(w *world) {
		w.must(w.watch("/a", true))
		w.create("/a")
		w.create("/a/b")
		w.must(w.watch("/a/b", false))
		if got := w.vigil.Paths(); !slices.Equal(got, []string{"/a", "/a/b"}) {
			w.Errorf("watched: %v", got)
		}
		if err := w.watch("/a", false); outcome.Of(err) != outcome.Usage {
			w.Errorf("twice: %v", err)
		}
		w.must(w.vigil.Unwatch("/a"))
		w.create("/a/b/c")
		if err := w.vigil.Unwatch("/a"); !errors.Is(err, client.ErrNoWatch) {
			w.Errorf("unwatched twice: %v", err)
		}
		if got := w.printed(); got != "created /a, created /a/b, children /a/b" {
			w.Errorf("printed: %s", got)
		}
		w.must(w.watch("/a", true))
	})
}

// TestAWatchThatCannotTellEverythingSaysSo and can be left anew.
func TestAWatchThatCannotTellEverythingSaysSo(t *testing.T) {
	in(t, func(w *world) {
		w.must(w.watch("/a", true))
		w.create("/a")
		w.net.Down(true)
		w.create("/a/b")
		w.fake.Compact()
		w.net.Down(false)
		pauseInBubble()
		if got := w.complain.String(); !strings.HasPrefix(got, "the watch of /a has ended: ") {
			w.Errorf("said: %q", got)
		}
		w.must(w.watch("/a", true))
		w.create("/a/c")
		if got := w.printed(); got != "created /a, created /a/c" {
			w.Errorf("printed: %s", got)
		}
	})
}

// pauseInBubble gives the session the time to come back.
func pauseInBubble() {
	time.Sleep(time.Second)
	synctest.Wait()
}

// TestTheSessionsEndIsToldElsewhere: its watches are gone without a word.
func TestTheSessionsEndIsToldElsewhere(t *testing.T) {
	in(t, func(w *world) {
		w.must(w.watch("/a", true))
		w.fake.Expire(uint64(w.session.ID()))
		<-w.session.Done()
		synctest.Wait()
		if got := w.vigil.Paths(); len(got) != 0 || w.complain.Len() != 0 {
			w.Errorf("watched: %v, said %q", got, w.complain.String())
		}
	})
}
