package election

import (
	"flag"
	"fmt"
	"testing"

	"github.com/quorate/quorate/store/txn"
)

var deep = flag.Bool("deep", false, "explore worlds that take minutes, too")

// comesToRest runs a state on without faults: everything arrives in order, timers fire when
// nothing else is left, and a server whose leader does not lead, or who leads nobody, looks again as its
// driver would make it. It must end with one leader, soon.
func (w *small) comesToRest(s *state) error {
	ticks, looks := 0, 0
	for range 1000 {
		var err error
		switch late, sad, next := s.unstarted(), s.disappointed(), s.next(); {
		case late >= 0:
			err = s.step(w, late, w.look(late))
		case len(s.net) > 0:
			err = w.do(s, move{"arrives", 0})
		case sad >= 0:
			looks++
			err = s.step(w, sad, w.look(sad))
		case next >= 0:
			ticks++
			err = s.tick(w, next)
		default:
			return s.oneLeader()
		}
		if err != nil {
			return err
		}
		if ticks > 20 || looks > 8 {
			break
		}
	}
	return fmt.Errorf("no rest after %d timers and %d new elections: %v", ticks, looks, s)
}

func (s *state) unstarted() int {
	for i, m := range s.servers {
		if m.state == 0 {
			return i
		}
	}
	return -1
}

// next is the looking server whose timer fires first; -1 if nobody looks.
func (s *state) next() int {
	next := -1
	for i, m := range s.servers {
		if m.state == Looking && (next < 0 || m.timer-s.clock[i] < s.servers[next].timer-s.clock[next]) {
			next = i
		}
	}
	return next
}

// disappointed is a follower of one who does not lead, or a leader without a quorum; -1 if there is none.
func (s *state) disappointed() int {
	for i, m := range s.servers {
		followers := 1
		for j, o := range s.servers {
			if j != i && o.state == Following && o.vote.Leader == txn.ServerID(i+1) {
				followers++
			}
		}
		leads := m.vote.Leader != 0 && s.servers[m.vote.Leader-1].state == Leading
		if m.state == Following && !leads || m.state == Leading && followers < 2 {
			return i
		}
	}
	return -1
}

func (s *state) oneLeader() error {
	for _, m := range s.servers {
		if m.vote.Leader != s.servers[0].vote.Leader {
			return fmt.Errorf("at rest with several leaders: %v", s)
		}
	}
	return nil
}

// String gives a line per server, for failures.
func (s *state) String() string {
	text := ""
	for i, m := range s.servers {
		text += fmt.Sprintf("\n  %d: %v round %d vote %v, agreed %v", i+1, m.state, m.round, m.vote, m.agreed)
		for _, p := range m.peers {
			text += fmt.Sprintf("; %d heard %v link %d %v r%d %v", p.member.ID, p.heard, p.link, p.word.State, p.word.Round, p.word.Vote.Leader)
		}
	}
	return text
}

// plain are three founded voters of which the second has the greatest log, and the third
// only the greatest id.
func plain() [3]Vote {
	return [3]Vote{vote(1, 1, 0x1_0000_0005), vote(2, 2, 0x1_0000_0007), vote(3, 1, 0x1_0000_0005)}
}

// TestSmallWorlds tries every order of everything in worlds of three voters.
func TestSmallWorlds(t *testing.T) {
	wiped := plain()
	wiped[1].Storage = 0xbad // the greatest log is on a disk that counts in nothing
	blank := [3]Vote{vote(1, 0, 0), vote(2, 0, 0), vote(3, 0, 0)}
	founded := viewOf(founding, 3, 0)
	for _, w := range []small{
		{name: "nothing goes wrong", creds: plain(), view: founded, most: 50_000},
		{name: "a message lost or doubled or late", creds: plain(), view: founded, faults: 1, together: true, most: 300_000},
		{name: "a timer before its time", creds: plain(), view: founded, ticks: 1, together: true, most: 200_000},
		{name: "the leader or a follower gives up", creds: plain(), view: founded, losses: 1, settled: true, most: 300_000},
		{name: "a foreign disk", creds: wiped, view: founded, most: 50_000},
		{name: "a founding", creds: blank, view: viewOf(0, 3, 0), most: 50_000},
		{name: "two give up", creds: plain(), view: founded, losses: 2, settled: true, most: 50_000},
		{name: "three give up", creds: plain(), view: founded, losses: 3, settled: true, most: 300_000},
		{name: "a restart", creds: plain(), view: founded, crashes: 1, settled: true, most: 300_000},
		{name: "somebody gives up amid it", creds: plain(), view: founded, losses: 1, together: true, most: 1_000_000, deep: true},
		{name: "a restart and one gives up", creds: plain(), view: founded, crashes: 1, losses: 1, settled: true, most: 3_000_000, deep: true},
		{name: "two timers", creds: plain(), view: founded, ticks: 2, together: true, most: 3_000_000, deep: true},
	} {
		t.Run(w.name, func(t *testing.T) {
			if w.deep && !*deep {
				t.Skip("run with -deep")
			}
			s, err := w.start()
			if err != nil {
				t.Fatal(err)
			}
			x := &explorer{T: t, w: &w, seen: map[uint64]struct{}{}}
			x.visit(s)
			t.Logf("%d states, %d run to rest", len(x.seen), x.probed)
		})
	}
}
