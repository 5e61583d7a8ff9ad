package election

import (
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/golden"
	"github.com/quorate/quorate/store/txn"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden traces")

// tell writes an event and what the server did about it.
func (w *world) tell(s *server, e Event, before State, actions []Action) {
	line := fmt.Sprintf("%6.1f ms  %d  %s", float64(w.now)/float64(ms), s.id, s.event(e))
	var did []string
	for _, a := range actions {
		if text := s.action(a); text != "" {
			did = append(did, text)
		}
	}
	if len(did) == 0 && before == s.m.state && before != Looking {
		return // a server with a leader that hears of others who have one
	}
	w.trace.WriteString(line + "\n")
	for _, text := range did {
		w.trace.WriteString("               " + text + "\n")
	}
}

func (s *server) event(e Event) string {
	switch e := e.(type) {
	case Look:
		return fmt.Sprintf("looks for a leader with epoch %d, zxid %v", e.Epoch, e.Zxid)
	case Received:
		return fmt.Sprintf("← %d: %s", e.From, notification(e.Notification))
	case Reachable:
		return fmt.Sprintf("reaches %d, %v there and back", e.ID, e.RoundTrip)
	case Unreachable:
		return fmt.Sprintf("cannot reach %d", e.ID)
	case Tick:
		return "timer"
	case Settled:
		return fmt.Sprintf("is told: leader %d in epoch %d", e.Leader, e.Reign)
	case Changed:
		return fmt.Sprintf("is told: membership %v", e.View.Version)
	}
	return fmt.Sprintf("%T", e)
}

func (s *server) action(a Action) string {
	switch a := a.(type) {
	case Send:
		to := fmt.Sprint(a.To)
		if a.To == All {
			to = "all"
		}
		return fmt.Sprintf("→ %s: %s", to, notification(a.Notification))
	case Decide:
		if a.Leader == s.id {
			return "LEADS, elected in round " + fmt.Sprint(a.Round)
		}
		return fmt.Sprintf("%s %d, elected in round %d", strings.ToUpper(s.m.state.String()), a.Leader, a.Round)
	case Disloyal:
		return fmt.Sprintf("loses %d, deserted: %v", a.ID, a.Deserted)
	case Refuse:
		return "refuses it: " + a.Err.Error()
	}
	return "" // timers are seen when they fire
}

func notification(n Notification) string {
	return fmt.Sprintf("round %d, %v, vote %v", n.Round, n.State, n.Vote)
}

// TestTraces are stories to be read. Every message takes 1 ms. Run with -rewrite after a change, and read the diff.
func TestTraces(t *testing.T) {
	for name, play := range map[string]func(t *testing.T) *world{
		"start-together":    storyTogether,
		"late-joiner":       storyLateJoiner,
		"leader-dies":       storyLeaderDies,
		"tie-on-zxid":       storyTie,
		"one-silent":        storySilent,
		"one-refused":       storyRefused,
		"observer-learns":   storyObserver,
		"foreign-disk":      storyForeign,
		"first-start":       storyFirstStart,
		"one-hears-nothing": storyNeverAsked,
		"voter-changes":     storyDisloyal,
	} {
		t.Run(name, func(t *testing.T) {
			w := play(t)
			golden.Check(t, *rewrite, filepath.Join("testdata", name+".txt"), w.trace.String())
		})
	}
}

// told makes a world whose story is written down.
func told(t *testing.T, v View, title string) *world {
	w := newWorld(t, v)
	w.trace = &strings.Builder{}
	w.say(title)
	return w
}

// say puts a sentence into the story.
func (w *world) say(text string) { fmt.Fprintf(w.trace, "# %s\n", text) }

// logged sets what a server stands on.
func (w *world) logged(id txn.ServerID, epoch txn.Epoch, zxid txn.Zxid) {
	w.server(id).creds.Epoch, w.server(id).creds.Zxid = epoch, zxid
}

func (w *world) settle(title string) {
	w.say(title)
	w.run(500 * ms)
}

func storyTogether(t *testing.T) *world {
	w := told(t, viewOf(founding, 3, 0), "Three start together; 2 has the longest log, and wins without waiting.")
	w.logged(2, 1, txn.MakeZxid(1, 9))
	w.up(1, 2, 3)
	w.run(500 * ms)
	return w
}

func storyLateJoiner(t *testing.T) *world {
	w := told(t, viewOf(founding, 3, 0), "1 and 2 elect; 3, who was refused, comes later with a longer log and joins.")
	w.logged(3, 1, txn.MakeZxid(1, 9))
	w.up(1, 2)
	w.settle("(1 and 2)")
	w.say("3 starts.")
	w.up(3)
	w.run(500 * ms)
	return w
}

func storyLeaderDies(t *testing.T) *world {
	w := storyTogether(t)
	w.trace.Reset()
	w.say("The leader's process dies; all connections close, and the others look at once.")
	w.down(2)
	w.after(ms, func() { w.look(1); w.look(3) })
	w.run(500 * ms)
	return w
}

func storyTie(t *testing.T) *world {
	w := told(t, viewOf(founding, 3, 0), "Equal logs: the greatest id wins.")
	w.up(1, 2, 3)
	w.run(500 * ms)
	return w
}

func storySilent(t *testing.T) *world {
	w := storyTogether(t)
	w.trace.Reset()
	w.say("The leader says nothing more, but its connections stand: 10 ms of silence are enough.")
	w.server(2).silent = true
	w.look(1)
	w.look(3)
	w.run(100 * ms)
	return w
}

func storyNeverAsked(t *testing.T) *world {
	w := told(t, viewOf(founding, 3, 0), "Dialling 3 leads nowhere, neither connected nor refused: 200 ms from the agreement on.")
	w.server(3).m = machine(t, w.server(3).cfg)
	w.server(3).silent = true
	w.up(1, 2)
	w.run(500 * ms)
	return w
}

func storyRefused(t *testing.T) *world {
	w := told(t, viewOf(founding, 3, 0), "3 is down and its host refuses the connection: nobody waits for it.")
	w.up(1, 2)
	w.run(100 * ms)
	return w
}

func storyObserver(t *testing.T) *world {
	w := told(t, viewOf(founding, 2, 1), "3 is an observer: it votes for nobody and hears the outcome.")
	w.up(1, 2, 3)
	w.run(500 * ms)
	return w
}

func storyForeign(t *testing.T) *world {
	w := told(t, viewOf(founding, 3, 0), "2 comes with the longest log on a disk that the membership does not name: it is no candidate, and no vote.")
	w.logged(2, 7, txn.MakeZxid(7, 7))
	w.server(2).creds.Storage = 0xbad
	w.up(1, 2)
	w.settle("1 and 2 are no quorum.")
	w.say("3 starts.")
	w.up(3)
	w.run(500 * ms)
	return w
}

func storyFirstStart(t *testing.T) *world {
	w := told(t, viewOf(0, 3, 0), "Blank disks: 1 and 2 must not found an ensemble without 3.")
	for _, s := range w.servers {
		s.creds.Epoch, s.creds.Zxid = 0, 0
	}
	w.up(1, 2)
	w.settle("(They wait.)")
	w.say(fmt.Sprintf("They wait for %v. 3 starts.", w.server(1).m.Status().Unheard))
	w.up(3)
	w.run(500 * ms)
	return w
}

func storyDisloyal(t *testing.T) *world {
	w := storyTogether(t)
	w.trace.Reset()
	w.say("2 leads. 3 loses it and looks again; it still has 1. Then 1 looks too.")
	w.look(3)
	w.run(10 * ms)
	w.say("Now 1: 3 follows again, and stands behind the leader again.")
	w.look(1)
	w.run(10 * time.Millisecond)
	w.say("Now both at once: the leader is told that it is deserted.")
	w.look(1)
	w.look(3)
	w.run(2 * ms)
	w.say("So it resigns at once, instead of waiting for learners that will not come.")
	w.look(2)
	w.run(20 * ms)
	return w
}
