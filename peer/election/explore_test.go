package election

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/quorate/quorate/store/txn"
)

// small is a world of three voters of which everything that can happen is tried, in every order.
type small struct {
	name string
	// creds are what the voters stand on, disks the identities they come with.
	creds [3]Vote
	view  View
	mine  [3]View // if set, what each begins with instead of view
	// What may go wrong, in all.
	faults, ticks, losses, crashes int
	together                       bool // all have started when it begins
	settled                        bool // and have decided
	deep                           bool // only with -deep
	// most is the number of states after which it is an error not to be through.
	most int

	buf []byte // for hash
}

// packet is a notification on its way. The network is a queue per link.
type packet struct {
	from, to txn.ServerID
	n        Notification
}

func (p *packet) key() uint64 {
	k := uint64(p.from)<<60 | uint64(p.to)<<56 | uint64(p.n.State)<<52 | uint64(p.n.Vote.Leader)<<48
	if p.n.View.Version != 0 {
		k |= 1 << 47
	}
	return k | uint64(p.n.Round)
}

// state of the world. Machines are shared between states and copied before a step.
type state struct {
	servers [3]*Machine
	clock   [3]time.Duration
	net     []*packet // sorted by link, in order within it
	decided [3]Decide

	faults, ticks, losses, crashes int
}

func (s *state) clone() *state {
	c := *s
	c.net = slices.Clone(s.net)
	return &c
}

// step gives an event to server i (from 0), on a copy of it.
func (s *state) step(w *small, i int, e Event) error {
	m := *s.servers[i]
	m.peers = slices.Clone(m.peers)
	s.servers[i] = &m
	for _, a := range m.Step(s.clock[i], e) {
		switch a := a.(type) {
		case Send:
			s.send(i, a)
		case Decide:
			s.decided[i] = a
			if err := w.legitimate(a); err != nil {
				return err
			}
		case Refuse:
			return fmt.Errorf("server %d refuses %d: %w", i+1, a.From, a.Err)
		}
	}
	if m.state == Looking && m.timer <= s.clock[i] {
		return fmt.Errorf("server %d looks and waits for nothing", i+1)
	}
	return nil
}

func (s *state) send(from int, a Send) {
	for to := range s.servers {
		if to != from && (a.To == All || a.To == txn.ServerID(to+1)) {
			s.put(&packet{txn.ServerID(from + 1), txn.ServerID(to + 1), a.Notification})
		}
	}
}

// put appends to the link's queue, unless that would only repeat its last packet.
func (s *state) put(p *packet) {
	at := len(s.net)
	for at > 0 && s.net[at-1].link() > p.link() {
		at--
	}
	if at > 0 && s.net[at-1].key() == p.key() {
		return
	}
	s.net = slices.Insert(s.net, at, p)
}

func (p *packet) link() int { return int(p.from)<<8 | int(p.to) }

// tidy takes packets away that can change nothing any more: the receiver has a leader and keeps it.
func (w *small) tidy(s *state) {
	if s.losses < w.losses || s.crashes < w.crashes {
		return
	}
	s.net = slices.DeleteFunc(s.net, func(p *packet) bool {
		to := s.servers[p.to-1].state
		return p.n.State != Looking && to != Looking && to != 0
	})
}

// legitimate: the leader really stands on its vote, is a voter with the disk it should have, and is the
// greatest of a quorum.
func (w *small) legitimate(d Decide) error {
	own := w.creds[d.Leader-1]
	if d.Vote != own {
		return fmt.Errorf("%v decided, but it stands on %v", d.Vote, own)
	}
	if !w.view.counts(own.Leader, own.Storage) {
		return fmt.Errorf("%v decided, who counts in nothing", d.Vote)
	}
	behind := 0
	for _, c := range w.creds {
		if w.view.counts(c.Leader, c.Storage) && !c.Beats(own) {
			behind++
		}
	}
	if need := w.need(); behind < need {
		return fmt.Errorf("%v decided, the greatest of only %d, want %d", d.Vote, behind, need)
	}
	return nil
}

func (w *small) need() int {
	if w.view.Version == 0 {
		return 3
	}
	return 2
}

func (w *small) begin() *state {
	s := &state{}
	for i := range s.servers {
		v := w.view
		if w.mine[i].Membership.Members != nil {
			v = w.mine[i]
		}
		m, err := New(Config{ID: txn.ServerID(i + 1), View: v, Patience: ms, Resend: 2 * ms, MaxResend: 4 * ms})
		if err != nil {
			panic(err)
		}
		s.servers[i] = m
	}
	return s
}

// start is where the exploration begins.
func (w *small) start() (*state, error) {
	s := w.begin()
	for i := 0; (w.together || w.settled) && i < 3; i++ {
		if err := w.do(s, move{"starts", i}); err != nil {
			return nil, err
		}
	}
	for w.settled && len(s.net) > 0 {
		if err := w.do(s, move{"arrives", 0}); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (w *small) look(i int) Look {
	return Look{Epoch: w.creds[i].Epoch, Zxid: w.creds[i].Zxid, Storage: w.creds[i].Storage}
}

// move is one thing that can happen: to the packet or to the server at.
type move struct {
	kind string
	at   int
}

// moves lists everything that can happen next. Links are in order, but a notification that waits
// behind another to the same server may take its place; anything worse is a fault.
func (w *small) moves(s *state) []move {
	var out []move
	for k, p := range s.net {
		first := !slices.ContainsFunc(s.net[:k], p.sameLink)
		more := slices.ContainsFunc(s.net[k+1:], p.sameLink)
		if first {
			out = append(out, move{"arrives", k})
		}
		if more {
			out = append(out, move{"superseded", k})
		}
		if s.faults < w.faults && first {
			out = append(out, move{"lost", k}, move{"arrives twice", k})
		}
		if s.faults < w.faults && !first {
			out = append(out, move{"overtakes", k})
		}
	}
	for i, m := range s.servers {
		switch {
		case m.state == 0:
			out = append(out, move{"starts", i})
			continue
		case m.state == Looking && s.ticks < w.ticks:
			out = append(out, move{"ticks", i})
		case m.state != Looking && s.losses < w.losses:
			out = append(out, move{"gives up", i})
		}
		if s.crashes < w.crashes {
			out = append(out, move{"restarts", i})
		}
	}
	return out
}

func (p *packet) sameLink(q *packet) bool { return p.from == q.from && p.to == q.to }

// describe is for failures.
func (s *state) describe(m move) string {
	switch m.kind {
	case "starts", "ticks", "gives up", "restarts":
		return fmt.Sprintf("%d %s", m.at+1, m.kind)
	}
	p := s.net[m.at]
	return fmt.Sprintf("%s: %d → %d: %v r%d %v", m.kind, p.from, p.to, p.n.State, p.n.Round, p.n.Vote.Leader)
}

func (w *small) do(s *state, m move) error {
	i := m.at
	switch m.kind {
	case "starts":
		return s.step(w, i, w.look(i))
	case "gives up":
		s.losses++
		return s.step(w, i, w.look(i))
	case "ticks":
		s.ticks++
		return s.tick(w, i)
	case "restarts":
		s.crashes++
		return s.crash(w, i)
	}
	p := s.net[i]
	if m.kind != "arrives" && m.kind != "superseded" {
		s.faults++
	}
	if m.kind != "arrives twice" {
		s.net = slices.Delete(s.net, i, i+1)
	}
	if m.kind == "lost" || m.kind == "superseded" {
		return nil
	}
	return s.step(w, int(p.to-1), Received{p.from, p.n})
}

func (s *state) tick(w *small, i int) error {
	s.clock[i] = s.servers[i].timer
	return s.step(w, i, Tick{})
}

// crash restarts a server; what it has sent stays on its way.
func (s *state) crash(w *small, i int) error {
	s.servers[i], s.decided[i] = w.begin().servers[i], Decide{}
	for j := range s.servers {
		if j == i {
			continue
		}
		for _, e := range []Event{Unreachable{txn.ServerID(i + 1)}, Reachable{ID: txn.ServerID(i + 1)}} {
			if err := s.step(w, j, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// hash of all that can make a difference later. Times count only relative to the server's own
// clock, and only while a timer may fire.
func (w *small) hash(s *state) uint64 {
	b := w.buf[:0]
	put := func(vs ...uint64) {
		for _, v := range vs {
			b = binary.AppendUvarint(b, v)
		}
	}
	for i, m := range s.servers {
		put(uint64(m.state), uint64(m.round), uint64(m.vote.Leader), uint64(m.view.Version))
		if now := s.clock[i]; m.state == Looking && s.ticks < w.ticks {
			put(bit(m.agreed), uint64(m.timer-now), uint64(m.resendAt-now), uint64(m.resend))
		}
		for _, p := range m.peers {
			put(bit(p.heard))
			if p.heard {
				put(uint64(p.word.State), uint64(p.word.Round), uint64(p.word.Vote.Leader))
			}
		}
		put(uint64(s.decided[i].Leader), uint64(s.decided[i].Round))
	}
	put(uint64(s.faults), uint64(s.ticks), uint64(s.losses), uint64(s.crashes))
	for _, p := range s.net {
		put(p.key())
	}
	w.buf = b
	return xxhash.Sum64(b)
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// step is a move and the state it was made in.
type step struct {
	s *state
	m move
}

// explorer walks a small world depth first.
type explorer struct {
	*testing.T
	w      *small
	seen   map[uint64]struct{}
	path   []step
	probed int
}

func (x *explorer) visit(s *state) {
	x.w.tidy(s)
	h := x.w.hash(s)
	if _, ok := x.seen[h]; ok {
		return
	}
	x.seen[h] = struct{}{}
	if len(x.seen) > x.w.most {
		x.Fatalf("more than %d states", x.w.most)
	}
	if err := x.w.check(s); err != nil {
		x.fail(err)
	}
	if n := len(x.seen); n < 3000 || n%23 == 0 {
		x.probed++
		if err := x.w.comesToRest(s.clone()); err != nil {
			x.fail(err)
		}
	}
	for _, m := range x.w.moves(s) {
		next := s.clone()
		x.path = append(x.path, step{s, m})
		if err := x.w.do(next, m); err != nil {
			x.fail(err)
		}
		x.visit(next)
		x.path = x.path[:len(x.path)-1]
	}
}

func (x *explorer) fail(err error) {
	x.Helper()
	var path strings.Builder
	for _, p := range x.path {
		path.WriteString("\n  " + p.s.describe(p.m))
	}
	x.Fatalf("%v, after%s", err, path.String())
}

// check holds what is true of every state.
func (w *small) check(s *state) error {
	if s.faults+s.ticks+s.losses+s.crashes > 0 {
		return nil
	}
	started := 0
	for i := range s.servers {
		for j := range i {
			a, b := s.decided[i], s.decided[j]
			if a.Leader != 0 && b.Leader != 0 && a.Round == b.Round && a.Leader != b.Leader {
				return fmt.Errorf("nothing was lost, and %d decided for %d, %d for %d", i+1, a.Leader, j+1, b.Leader)
			}
		}
		if s.servers[i].state != 0 {
			started++
		}
	}
	if started == 3 && len(s.net) == 0 {
		return w.agreed(s)
	}
	return nil
}

// agreed: all have decided for the same, and that is the greatest.
func (w *small) agreed(s *state) error {
	best := Vote{}
	for _, c := range w.creds {
		if w.view.counts(c.Leader, c.Storage) && c.Beats(best) {
			best = c
		}
	}
	for i, d := range s.decided {
		if s.servers[i].state == Looking || d.Leader != best.Leader {
			return fmt.Errorf("everything has arrived, and %d has decided for %d (%v), not %d", i+1, d.Leader, s.servers[i].state, best.Leader)
		}
	}
	return nil
}
