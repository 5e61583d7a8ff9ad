package peer

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/quorate/quorate/peer/election"
	"github.com/quorate/quorate/peer/quorum"
	"github.com/quorate/quorate/store/txn"
)

// disks is an electorate that counts its voters with these disks only.
func disks(of map[txn.ServerID]txn.StorageID) *electorate {
	v := election.View{Version: 1}
	for id := txn.ServerID(1); id <= 9; id++ {
		if disk, ok := of[id]; ok {
			v.Membership.Members = append(v.Membership.Members, txn.Member{ID: id, Role: txn.Voter, Storage: disk})
		}
	}
	return newElectorate(v, func(m txn.Membership) quorum.System { return quorum.Of(m) })
}

// roundsModel is rounds by its definition: an ask is answered when for the first time a quorum of those who
// count has said a round no less than the ask's, each on the stream that it has.
type roundsModel struct {
	who    map[txn.ServerID]txn.StorageID
	newest uint64
	said   map[txn.ServerID]echo
	open   []uint64
	done   []string
}

func (m *roundsModel) settle() {
	m.open = slices.DeleteFunc(m.open, func(round uint64) bool {
		votes := 0
		for id, disk := range m.who {
			if e := m.said[id]; id == 1 && disk == 11 || e.disk == disk && e.round >= round {
				votes++
			}
		}
		if 2*votes > len(m.who) {
			m.done = append(m.done, fmt.Sprintf("%d at %d", round, 100+round))
			return true
		}
		return false
	})
}

// roundsWorld is rounds and the model beside it.
type roundsWorld struct {
	*rounds
	model roundsModel
	done  []string
}

// roundsSteps are what may happen.
var roundsSteps = map[string]func(w *roundsWorld){
	"begin": func(w *roundsWorld) {
		w.model.newest++
		w.model.open = append(w.model.open, w.model.newest)
		n := w.model.newest
		w.begin(txn.Zxid(100+n), func(at txn.Zxid, err error) {
			if err != nil {
				w.done = append(w.done, fmt.Sprintf("%d: %v", n, err))
				return
			}
			w.done = append(w.done, fmt.Sprintf("%d at %d", n, uint64(at)))
		})
	},
	"2 echoes 1":               func(w *roundsWorld) { w.echoes(2, 22, 1) },
	"2 echoes what never was":  func(w *roundsWorld) { w.echoes(2, 22, 9) },
	"3 echoes 2":               func(w *roundsWorld) { w.echoes(3, 33, 2) },
	"3 echoes 1, other disk":   func(w *roundsWorld) { w.echoes(3, 34, 1) },
	"9 echoes 2":               func(w *roundsWorld) { w.echoes(9, 99, 2) },
	"2 is forgotten":           func(w *roundsWorld) { w.forget(2); delete(w.model.said, 2) },
	"3 is readmitted":          func(w *roundsWorld) { w.elects(map[txn.ServerID]txn.StorageID{1: 11, 2: 22, 3: 34}) },
	"the leader alone remains": func(w *roundsWorld) { w.elects(map[txn.ServerID]txn.StorageID{1: 11}) },
	"9 joins":                  func(w *roundsWorld) { w.elects(map[txn.ServerID]txn.StorageID{1: 11, 2: 22, 3: 33, 9: 99}) },
}

func (w *roundsWorld) echoes(id txn.ServerID, disk txn.StorageID, round uint64) {
	w.echo(id, disk, round)
	e := w.model.said[id]
	if e.disk != disk {
		e = echo{disk: disk}
	}
	e.round = max(e.round, min(round, w.model.newest))
	w.model.said[id] = e
}

func (w *roundsWorld) elects(who map[txn.ServerID]txn.StorageID) {
	w.elect(disks(who))
	w.model.who = who
}

// TestRoundsExhaustive holds rounds against its definition in every world of five steps, and ends each: every
// ask is answered once.
func TestRoundsExhaustive(t *testing.T) {
	var names []string
	for name := range roundsSteps {
		names = append(names, name)
	}
	slices.Sort(names)
	const depth = 5
	worlds := 1
	for range depth {
		worlds *= len(names)
	}
	for n := range worlds {
		who := map[txn.ServerID]txn.StorageID{1: 11, 2: 22, 3: 33}
		w := &roundsWorld{rounds: newRounds(1, 11, disks(who), &beacon{}), model: roundsModel{who: who, said: map[txn.ServerID]echo{}}}
		var path []string
		for range depth {
			name := names[n%len(names)]
			n /= len(names)
			path = append(path, name)
			roundsSteps[name](w)
			w.model.settle()
			if !slices.Equal(w.done, w.model.done) {
				t.Fatalf("%q: answered %q, by the definition %q", path, w.done, w.model.done)
			}
			if w.pending() != len(w.model.open) {
				t.Fatalf("%q: %d are pending, by the definition %d", path, w.pending(), len(w.model.open))
			}
		}
		over := errors.New("over")
		for _, round := range w.model.open {
			w.model.done = append(w.model.done, fmt.Sprintf("%d: over", round))
		}
		w.end(over)
		w.end(errors.New("over again"))
		w.echo(2, 22, 9)
		w.echo(3, 33, 9)
		if !slices.Equal(w.done, w.model.done) {
			t.Fatalf("%q: answered %q in the end, by the definition %q", path, w.done, w.model.done)
		}
	}
}

// TestRoundsAfterTheEnd: who asks then is told at once.
func TestRoundsAfterTheEnd(t *testing.T) {
	over, told := errors.New("over"), 0
	r := newRounds(1, 11, disks(map[txn.ServerID]txn.StorageID{1: 11}), &beacon{})
	r.end(over)
	r.begin(5, func(_ txn.Zxid, err error) {
		if told++; !errors.Is(err, over) {
			t.Errorf("told %v", err)
		}
	})
	if told != 1 || r.latest() != 0 {
		t.Errorf("told %d times, round %d", told, r.latest())
	}
}

// TestRoundsLightTheirBeacon, so that the learners are pinged.
func TestRoundsLightTheirBeacon(t *testing.T) {
	news := &beacon{}
	r := newRounds(1, 11, disks(map[txn.ServerID]txn.StorageID{1: 11, 2: 22}), news)
	lit := news.wait()
	r.begin(5, func(txn.Zxid, error) {})
	if !closed(lit) || r.latest() != 1 {
		t.Errorf("lit: %v, round %d", closed(lit), r.latest())
	}
}
