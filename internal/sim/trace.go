package sim

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/store/txn"
)

// Trace is what happened in a world, in an order that depends on nothing but the seed:
// by instant, then by server, then by where the step belongs in the protocol. It may be
// written to by anybody, and read when nothing happens.
type Trace struct {
	began time.Time
	mu    struct {
		sync.Mutex
		steps []step
		read  int // how many Since has returned
	}
}

// step is one line of a trace.
type step struct {
	at     time.Duration // since the world began
	server txn.ServerID  // 0: the world itself
	rank   int
	of     txn.ServerID // the other server that it is about; 0 without
	text   string
}

func newTrace() *Trace { return &Trace{began: time.Now()} }

// event adds a step of a server.
func (t *Trace) event(server txn.ServerID, e peer.Event) {
	rank, of := rankOf(e)
	t.add(step{server: server, rank: rank, of: of, text: e.String()})
}

// note adds a line of the world's own about a server.
func (t *Trace) note(server txn.ServerID, format string, args ...any) {
	t.add(step{server: server, rank: noteRank, text: fmt.Sprintf(format, args...)})
}

// message adds the arrival of a message.
func (t *Trace) message(m Message) {
	t.add(step{server: m.To, rank: messageRank, of: m.From, text: fmt.Sprintf("← %d %s", m.From, m.Text)})
}

func (t *Trace) add(s step) {
	s.at = time.Since(t.began)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.steps = append(t.mu.steps, s)
}

// Since returns the steps since the last call, one a line. The bubble must be at rest.
func (t *Trace) Since() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	news := t.mu.steps[t.mu.read:]
	t.mu.read = len(t.mu.steps)
	slices.SortStableFunc(news, compareSteps)
	lines := make([]string, len(news))
	for i, s := range news {
		lines[i] = s.String()
	}
	return lines
}

// String returns all steps with their times, one a line.
func (t *Trace) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	for _, s := range t.sortedLocked() {
		fmt.Fprintf(&b, "%14.6f %v\n", s.at.Seconds()*1000, s)
	}
	return b.String()
}

// Sum returns a number that two traces share only if they are the same, and the number of steps.
func (t *Trace) Sum() (sum uint64, steps int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := fnv.New64a()
	for _, s := range t.sortedLocked() {
		fmt.Fprintf(h, "%d %v\n", s.at, s)
	}
	return h.Sum64(), len(t.mu.steps)
}

func (t *Trace) sortedLocked() []step {
	all := slices.Clone(t.mu.steps)
	slices.SortStableFunc(all, compareSteps)
	return all
}

func (s step) String() string {
	if s.server == 0 {
		return s.text
	}
	return fmt.Sprintf("[%d] %s", s.server, s.text)
}

func compareSteps(a, b step) int {
	if order := cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.server, b.server), cmp.Compare(a.rank, b.rank), cmp.Compare(a.of, b.of)); order != 0 {
		return order
	}
	if a.rank == noteRank { // clients that are answered in one instant
		return cmp.Compare(a.text, b.text)
	}
	return 0
}

// The ranks of what is no event.
const (
	messageRank = -1 // an arrival is why all else happens in its instant
	noteRank    = 1000
)

// rankOf returns where a step stands among those that one server makes in one instant, on
// several goroutines: the protocol's order, from a learner's arrival to the end of a reign and the next
// election. of is the other server it is about.
func rankOf(e peer.Event) (rank int, of txn.ServerID) {
	switch e := e.(type) {
	case peer.LearnerCame:
		return 1, e.ID
	case peer.LeaderMet:
		return 2, e.Leader
	case peer.EpochAccepted:
		return 3, 0
	case peer.LearnerPromised:
		return 4, e.ID
	case peer.LearnerPlanned:
		return 5, e.ID
	case peer.Resyncing:
		return 6, 0
	case peer.SnapshotInstalled:
		return 7, 0
	case peer.HistoryDurable:
		return 8, 0
	case peer.EpochCurrent:
		return 9, 0
	case peer.LearnerSynced:
		return 10, e.ID
	case peer.Readmitting:
		return 11, e.ID
	case peer.Established:
		return 12, 0
	case peer.Founded:
		return 13, 0
	case peer.LearnerServes:
		return 14, e.ID
	case peer.UpToDate:
		return 15, 0
	case peer.LearnerGone:
		return 17, e.ID
	case peer.Resigned:
		return 18, 0
	case peer.LeaderLost:
		return 19, e.Leader
	case peer.Electing:
		return 21, 0
	case peer.NotificationRefused:
		return 22, e.From
	case peer.Elected:
		return 23, e.Leader
	case peer.RoleChanged:
		return rankOfRole(e), 0
	case peer.PeerReached:
		return 26, e.ID
	case peer.PeerUnreachable:
		return 27, e.ID
	default:
		return 25, 0
	}
}

// rankOfRole: a role is taken when a reign or a synchronization is complete, and lost at its end; who
// is elected has none yet.
func rankOfRole(e peer.RoleChanged) int {
	switch {
	case e.Role != peer.Looking:
		return 16
	case strings.HasPrefix(e.Reason, "elected"):
		return 24
	default:
		return 20
	}
}
