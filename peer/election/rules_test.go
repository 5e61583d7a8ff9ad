package election

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/quorate/quorate/peer/quorum"
	"github.com/quorate/quorate/store/txn"
)

// TestRounds: of a later round we take over the round, of an earlier one we answer with ours
// (FLEBackwardElectionRoundTest), and votes of different rounds are not counted together.
func TestRounds(t *testing.T) {
	m := looking(t, 1, 3, 1, 5)
	m.Step(0, Unreachable{3})
	m.Step(0, Look{Epoch: 1, Zxid: 5, Storage: disk(1)}) // round 2
	low := m.Step(ms, says(2, Looking, 1, vote(1, 1, 5), 3))
	wantNone(t, low)
	if n, ok := sent(low, 2); !ok || n.Round != 2 {
		t.Errorf("answered %v %+v, want our round 2", ok, n)
	}
	high := m.Step(2*ms, says(2, Looking, 9, Vote{}, 3))
	if n, ok := sent(high, 2); !ok || n.Round != 9 || n.Vote.Leader != 1 {
		t.Errorf("said %v %+v, want our own candidacy in round 9", ok, n)
	}
	wantDecision(t, m.Step(3*ms, says(2, Looking, 9, vote(1, 1, 5), 3)), 1)
}

// TestLowRoundTakesBackWhatWasSaid: a leader that looks again, be it in an old round, leads no more.
func TestLowRoundTakesBackWhatWasSaid(t *testing.T) {
	m := looking(t, 1, 3, 1, 5)
	m.Step(0, Look{Epoch: 1, Zxid: 5, Storage: disk(1)})
	wantNone(t, m.Step(ms, says(3, Leading, 1, vote(3, 1, 5), 3)))
	wantNone(t, m.Step(ms, says(3, Looking, 1, vote(3, 1, 5), 3)))
	wantNone(t, m.Step(ms, says(2, Following, 1, vote(3, 1, 5), 3)))
}

// TestLookForgets: what was said before the leader was lost does not bring it back.
func TestLookForgets(t *testing.T) {
	m := looking(t, 1, 3, 1, 5)
	m.Step(ms, says(2, Following, 1, vote(3, 1, 5), 3))
	wantDecision(t, m.Step(ms, says(3, Leading, 1, vote(3, 1, 5), 3)), 3)
	wantNone(t, m.Step(2*ms, Look{Epoch: 1, Zxid: 5, Storage: disk(1)}))
	wantNone(t, m.Step(3*ms, says(2, Following, 1, vote(3, 1, 5), 3)))
}

// weighted is a quorum system whose third voter has weight 0, and whose first has more than half.
func weighted(txn.Membership) quorum.System {
	ids := []txn.ServerID{1, 2, 3}
	q, err := quorum.NewGroups(ids, [][]txn.ServerID{ids}, map[txn.ServerID]int64{1: 2, 3: 0})
	if err != nil {
		panic(err)
	}
	return q
}

// TestZeroWeight (FLEZeroWeightTest): whoever has no weight does not lead, be its log the longest,
// is not waited for, votes, and follows.
func TestZeroWeight(t *testing.T) {
	server := func(id txn.ServerID, zxid txn.Zxid) *Machine {
		m := machine(t, Config{ID: id, View: viewOf(founding, 3, 0), Quorum: weighted})
		m.Step(0, Look{Epoch: 1, Zxid: zxid, Storage: disk(id)})
		return m
	}
	m := server(1, 5)
	wantNone(t, m.Step(ms, says(3, Looking, 1, vote(3, 9, txn.MakeZxid(9, 9)), 3)))
	if m.Status().Vote.Leader != 1 {
		t.Errorf("votes for %v, who has no weight", m.Status().Vote)
	}
	wantDecision(t, m.Step(2*ms, says(2, Looking, 1, vote(2, 1, 4), 3)), 1)

	m = server(1, 5)
	wantDecision(t, m.Step(ms, says(2, Looking, 1, vote(2, 1, 4), 3)), 1) // 3 has not spoken, and need not

	m = server(3, 99)
	if m.Status().Vote.Leader != 0 {
		t.Error("weight 0, and a candidate")
	}
	wantNone(t, m.Step(ms, says(2, Looking, 1, vote(1, 1, 5), 3)))
	wantDecision(t, m.Step(ms, says(1, Looking, 1, vote(1, 1, 5), 3)), 1)
}

// TestForeignDisk (P6): a disk that the membership does not name adds nothing to a quorum, neither of those
// who look nor of those who follow, and it cannot be elected, be it by the votes of others.
func TestForeignDisk(t *testing.T) {
	foreign := func(r Received) Received { r.Notification.Storage = 0xbad; return r }
	stolen := vote(2, 9, 9)
	stolen.Storage = 0xbad
	m := looking(t, 1, 3, 1, 5)
	m.Step(0, Unreachable{3})
	wantNone(t, m.Step(ms, foreign(says(2, Looking, 1, m.Status().Vote, 3))))
	wantNone(t, m.Step(ms, says(3, Looking, 1, stolen, 3)))
	if m.Status().Vote.Leader == 2 {
		t.Error("votes for a foreign disk")
	}
	m = looking(t, 1, 3, 1, 5)
	m.Step(ms, foreign(says(2, Following, 7, vote(3, 1, 5), 3)))
	wantNone(t, m.Step(ms, says(3, Leading, 7, vote(3, 1, 5), 3)))
	m = looking(t, 1, 5, 1, 5)
	for _, id := range []txn.ServerID{2, 3, 4} {
		m.Step(ms, says(id, Following, 7, vote(5, 1, 5), 5))
	}
	wantNone(t, m.Step(ms, foreign(says(5, Leading, 7, vote(5, 1, 5), 5))))
}

// TestForeignServerVotesAndFollows: its own disk being foreign, a server proposes others and follows when a quorum does.
func TestForeignServerVotesAndFollows(t *testing.T) {
	m := machine(t, Config{ID: 3, View: viewOf(founding, 5, 0)})
	m.Step(0, Look{Epoch: 9, Zxid: 9, Storage: 0xbad})
	m.Step(ms, says(1, Looking, 1, vote(1, 1, 5), 5))
	if m.Status().Vote.Leader != 1 {
		t.Errorf("votes for %v, want the best it knows", m.Status().Vote)
	}
	wantNone(t, m.Step(ms, says(2, Looking, 1, vote(1, 1, 5), 5)))
	m.Step(ms, says(1, Leading, 1, vote(1, 1, 5), 5))
	m.Step(ms, says(2, Following, 1, vote(1, 1, 5), 5))
	wantDecision(t, m.Step(ms, says(4, Following, 1, vote(1, 1, 5), 5)), 1)
	if m.Status().State != Following {
		t.Errorf("it is %v", m.Status().State)
	}
}

// TestNewerViewWins: a server that does not know yet that it was readmitted, or that another one was, learns
// it from whoever does. Otherwise the two of them could not elect while the third is down.
func TestNewerViewWins(t *testing.T) {
	readmitted := viewOf(founding+7, 3, 0)
	readmitted.Membership.Members[2].Storage = 0x3333
	stale := machine(t, Config{ID: 3, View: viewOf(founding, 3, 0)})
	stale.Step(0, Look{Epoch: 2, Zxid: 9, Storage: 0x3333})
	stale.Step(0, Unreachable{2})
	if stale.Status().Vote.Leader != 0 {
		t.Fatal("counts before its readmission")
	}
	n := says(1, Looking, 1, vote(1, 2, 8), 3)
	n.Notification.View = readmitted
	after, ok := sent(stale.Step(ms, n), 1)
	if !ok || after.Vote.Leader != 3 || after.View.Version != readmitted.Version {
		t.Fatalf("said %+v, want its own candidacy under the new membership", after)
	}
	n.Notification.Vote = after.Vote
	d := wantDecision(t, stale.Step(2*ms, n), 3)
	if d.View.Version != readmitted.Version {
		t.Error("the decision does not say by which membership")
	}
	third := machine(t, Config{ID: 2, View: viewOf(founding, 3, 0)})
	third.Step(0, Look{Epoch: 2, Zxid: 8, Storage: disk(2)})
	n.Notification.Vote = Vote{}
	if n, ok := sent(third.Step(ms, n), 3); !ok || n.View.Version != readmitted.Version {
		t.Error("the newer membership is not passed on")
	}
	old := machine(t, Config{ID: 1, View: readmitted})
	old.Step(0, Look{Epoch: 2, Zxid: 8, Storage: disk(1)})
	behind := says(3, Looking, 1, Vote{}, 3)
	if n, ok := sent(old.Step(ms, behind), 3); !ok || n.View.Version != readmitted.Version {
		t.Error("one with an older membership is not told the newer")
	}
	old.Step(ms, Changed{viewOf(founding, 3, 0)})
	if old.Status().View.Version != readmitted.Version {
		t.Error("went back to an older membership")
	}
}

func blankServer(t *testing.T, id txn.ServerID, bootstrap bool) *Machine {
	m := machine(t, Config{ID: id, View: viewOf(0, 3, 0), Bootstrap: bootstrap})
	m.Step(0, Look{Storage: disk(id)})
	m.Step(0, Unreachable{1})
	return m
}

func blankSays(from txn.ServerID, v Vote) Received {
	r := says(from, Looking, 1, v, 3)
	r.Notification.View = viewOf(0, 3, 0)
	return r
}

// TestFounding (P6): blank disks elect only all together, or by a quorum if they are told to; with
// a server of an ensemble around they count in nothing.
func TestFounding(t *testing.T) {
	m := blankServer(t, 3, false)
	wantNone(t, m.Step(ms, blankSays(2, m.Status().Vote)))
	wantNone(t, m.Step(time.Minute, Tick{}))
	if got := m.Status().Unheard; !slices.Equal(got, []txn.ServerID{1}) {
		t.Errorf("waits for %v, want 1", got)
	}
	wantDecision(t, m.Step(time.Minute, blankSays(1, m.Status().Vote)), 3)

	m = blankServer(t, 3, true)
	wantDecision(t, m.Step(ms, blankSays(2, m.Status().Vote)), 3)

	m = blankServer(t, 3, true)
	wiped := viewOf(founding, 3, 0)
	wiped.Membership.Members[0].Storage = 0xdead // the disks that 1 and we have lost
	wiped.Membership.Members[2].Storage = 0xdead
	r := says(2, Looking, 1, vote(2, 1, 5), 3)
	r.Notification.View = wiped
	wantNone(t, m.Step(ms, r))
	if m.Status().Vote.Leader != 2 {
		t.Errorf("votes for %v, want the one who has an ensemble", m.Status().Vote)
	}
	wantNone(t, m.Step(ms, blankSays(1, vote(2, 1, 5))))
}

// TestListsDiffer: blank servers started with different lists refuse each other, lest each finds all of its own.
func TestListsDiffer(t *testing.T) {
	m := blankServer(t, 3, false)
	r := blankSays(2, vote(2, 0, 0))
	r.Notification.View = viewOf(0, 4, 0)
	if refuse, ok := m.Step(ms, r)[0].(Refuse); !ok || !errors.Is(refuse.Err, ErrLists) {
		t.Errorf("%+v", refuse)
	}
}

// TestFormerLifeOfCandidate: a vote for a candidate that itself stands on less is of a former life of it,
// however many repeat it; and so is any vote for ourselves but our own.
func TestFormerLifeOfCandidate(t *testing.T) {
	m := looking(t, 1, 3, 1, 5)
	m.Step(ms, says(2, Looking, 1, vote(3, 1, 9), 3))
	if m.Status().Vote.Zxid != 9 {
		t.Fatal("did not take the vote over")
	}
	if d := wantDecision(t, m.Step(ms, says(3, Looking, 1, vote(3, 1, 6), 3)), 3); d.Vote != vote(3, 1, 6) {
		t.Errorf("votes for %v, want what 3 says of itself", d.Vote)
	}
	m = blankServer(t, 2, false) // 3 has come with one blank disk, and then with another
	former, now := vote(3, 0, 0), vote(3, 0, 0)
	former.Storage = 0xbad
	m.Step(ms, blankSays(1, former))
	m.Step(ms, blankSays(3, now))
	if m.Status().Vote != now {
		t.Errorf("votes for the disk %v, want the one that 3 has now", m.Status().Vote.Storage)
	}
	m = looking(t, 1, 3, 1, 5)
	m.Step(ms, says(2, Looking, 1, vote(1, 1, 9), 3))
	if m.Status().Vote != vote(1, 1, 5) {
		t.Errorf("votes for %v, its former life", m.Status().Vote)
	}
}

// TestDeadCandidate: a candidate whose connection has ended is given up, and taken again when it is heard.
func TestDeadCandidate(t *testing.T) {
	m := looking(t, 2, 3, 1, 5)
	m.Step(ms, says(3, Looking, 1, vote(3, 1, 5), 3))
	gone := m.Step(2*ms, Unreachable{3})
	if n, ok := sent(gone, 1); !ok || n.Vote.Leader != 2 {
		t.Errorf("said %+v, want its own candidacy", n)
	}
	wantNone(t, m.Step(3*ms, says(1, Looking, 1, vote(3, 1, 5), 3)))
	if m.Status().Vote.Leader != 2 {
		t.Error("took over a vote for one who cannot be reached")
	}
	m.Step(4*ms, says(3, Looking, 1, vote(3, 1, 5), 3))
	if m.Status().Vote.Leader != 3 {
		t.Error("3 is back and not voted for")
	}
}

// TestAbstain: one that has resigned for others votes for them, until it looks anew.
func TestAbstain(t *testing.T) {
	m := looking(t, 3, 3, 1, 5)
	m.Step(ms, Look{Epoch: 1, Zxid: 9, Storage: disk(3), Abstain: true})
	if m.Status().Vote.Leader != 0 {
		t.Fatal("abstains, and stands")
	}
	m.Step(ms, says(1, Looking, 2, vote(2, 1, 5), 3))
	wantDecision(t, m.Step(ms, says(2, Looking, 2, vote(2, 1, 5), 3)), 2)
	m.Step(ms, Look{Epoch: 1, Zxid: 9, Storage: disk(3)})
	if m.Status().Vote.Leader != 3 {
		t.Error("abstains for ever")
	}
}

// TestWaiting: how long an election that is agreed waits for the fifth voter.
func TestWaiting(t *testing.T) {
	const agreed = 30 * ms
	for _, tt := range []struct {
		name  string
		about []Event // the fifth voter, before
		want  time.Duration
	}{
		{"it has spoken", []Event{says(5, Looking, 1, vote(5, 1, 4), 5)}, 0},
		{"it was refused", []Event{Unreachable{5}}, 0},
		{"it has been silent for two round trips", []Event{Reachable{5, 2 * ms}}, 0},
		{"two long round trips", []Event{Reachable{5, 40 * ms}}, 80*ms - agreed},
		{"round trips beyond patience", []Event{Reachable{5, time.Second}}, 200 * ms},
		{"never connected", nil, 200 * ms},
		{"connected, nobody knows how fast", []Event{Reachable{ID: 5}}, 200 * ms},
		{"it follows another leader", []Event{says(5, Following, 9, vote(4, 1, 5), 5)}, 200 * ms},
		{"it follows in this very round", []Event{says(5, Following, 1, vote(4, 1, 4), 5)}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := looking(t, 3, 5, 1, 5)
			for _, e := range tt.about {
				m.Step(0, e)
			}
			for id := range txn.ServerID(4) {
				if id+1 != 3 {
					m.Step(agreed, says(id+1, Looking, 1, m.Status().Vote, 5))
				}
			}
			if m.Status().State == Looking { // ticks as asked, and no later
				for m.Status().State == Looking && m.timer <= agreed+tt.want {
					now := m.timer
					if d, ok := decision(m.Step(now, Tick{})); ok && now != agreed+tt.want {
						t.Fatalf("decided for %d after %v, want %v", d.Leader, now-agreed, tt.want)
					}
				}
			} else if tt.want != 0 {
				t.Fatalf("did not wait, want %v", tt.want)
			}
			if m.Status().State != Leading {
				t.Errorf("still looking after %v", tt.want)
			}
		})
	}
}

// TestResend: repetitions come after 50, 100, 200 … 1000 ms, and anew after 50 when there is news.
func TestResend(t *testing.T) {
	m := looking(t, 1, 3, 1, 5)
	last := time.Duration(0)
	for _, want := range []time.Duration{50, 100, 200, 400, 800, 1000, 1000} {
		at := m.timer
		if got := at - last; got != want*ms {
			t.Fatalf("after %v, want %v", got, want*ms)
		}
		if _, ok := sent(m.Step(at, Tick{}), 2); !ok {
			t.Fatal("said nothing")
		}
		last = at
	}
	m.Step(last, says(2, Looking, 1, vote(2, 1, 5), 3))
	if got := m.timer - last; got != 50*ms {
		t.Errorf("after news it waits %v", got)
	}
}

// TestNotLooking: before the first Look nothing is said; with a leader, only to those who ask.
func TestNotLooking(t *testing.T) {
	m := machine(t, Config{ID: 1, View: viewOf(founding, 3, 0)})
	if a := m.Step(0, says(2, Looking, 1, vote(2, 1, 5), 3)); len(a) != 0 {
		t.Errorf("did %v before it looked", a)
	}
	if a := m.Step(0, Tick{}); len(a) != 0 {
		t.Errorf("did %v before it looked", a)
	}
	m = looking(t, 1, 3, 1, 5)
	if n, ok := sent(m.Step(0, Settled{Leader: 2, Reign: 4}), 3); !ok || n.State != Following || n.Reign != 4 {
		t.Errorf("told %+v of its leader", n)
	}
	if a := m.Step(time.Hour, Tick{}); len(a) != 0 {
		t.Errorf("did %v with a leader", a)
	}
	if a := m.Step(time.Hour, says(3, Following, 1, vote(2, 1, 5), 3)); len(a) != 0 {
		t.Errorf("did %v about one who follows too", a)
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := New(Config{ID: 4, View: viewOf(founding, 3, 0)}); err == nil {
		t.Error("a server that is not in its list")
	}
	if _, err := New(Config{ID: 1, View: viewOf(founding, 3, 0), Patience: -1}); err == nil {
		t.Error("patience below zero")
	}
}

// TestAlone: an ensemble of one is its own quorum, at once.
func TestAlone(t *testing.T) {
	m := machine(t, Config{ID: 1, View: viewOf(founding, 1, 0)})
	wantDecision(t, m.Step(0, Look{Epoch: 1, Zxid: 5, Storage: disk(1)}), 1)
}

// TestPatienceIsForTheVote: the wait starts again with another candidate, and when a quorum has come apart.
func TestPatienceIsForTheVote(t *testing.T) {
	m := looking(t, 2, 3, 1, 5) // 3 is neither connected nor refused
	m.Step(0, says(1, Looking, 1, vote(2, 1, 5), 3))
	m.Step(150*ms, says(1, Looking, 1, vote(3, 1, 5), 3))
	wantNone(t, m.Step(349*ms, Tick{}))
	wantDecision(t, m.Step(350*ms, Tick{}), 3)

	m = looking(t, 2, 3, 1, 5)
	m.Step(0, says(1, Looking, 1, vote(2, 1, 5), 3))
	m.Step(100*ms, says(1, Looking, 1, vote(1, 1, 5), 3))
	m.Step(150*ms, says(1, Looking, 1, vote(2, 1, 5), 3))
	wantNone(t, m.Step(349*ms, Tick{}))
	wantDecision(t, m.Step(350*ms, Tick{}), 2)
}

// TestSilenceIsOfTheRound: having spoken in the last round is not speaking in this one.
func TestSilenceIsOfTheRound(t *testing.T) {
	m := looking(t, 2, 3, 1, 5)
	m.Step(0, Reachable{3, ms})
	m.Step(0, says(3, Looking, 1, Vote{}, 3))
	wantNone(t, m.Step(ms, says(1, Looking, 2, vote(2, 1, 5), 3)))
	wantDecision(t, m.Step(11*ms, Tick{}), 2)
}

// TestObservingIsNoVote: one that we list as a voter and that holds itself an observer adds nothing.
func TestObservingIsNoVote(t *testing.T) {
	m := looking(t, 2, 3, 1, 5)
	m.Step(0, Unreachable{3})
	wantNone(t, m.Step(ms, says(1, Observing, 1, vote(2, 1, 5), 3)))
}

// TestObserverKeepsQuiet: it has no vote and no round of its own to defend.
func TestObserverKeepsQuiet(t *testing.T) {
	m := machine(t, Config{ID: 4, View: viewOf(founding, 3, 1)})
	m.Step(0, Look{Epoch: 1, Zxid: 5, Storage: disk(4), Round: 3})
	for _, round := range []Round{1, 4, 9} {
		r := says(1, Looking, round, vote(1, 1, 5), 3)
		r.Notification.View = viewOf(founding, 3, 1)
		if n, ok := sent(m.Step(ms, r), 1); ok {
			t.Errorf("said %+v to a voter in round %d", n, round)
		}
	}
}

// TestRestartedBackerIsDisloyal: its connection ended before it looked again.
func TestRestartedBackerIsDisloyal(t *testing.T) {
	m := looking(t, 3, 3, 1, 5)
	m.Step(0, Unreachable{2})
	wantDecision(t, m.Step(ms, says(1, Looking, 1, m.Status().Vote, 3)), 3)
	m.Step(2*ms, Unreachable{1})
	if d, ok := disloyal(m.Step(3*ms, says(1, Looking, 1, vote(1, 1, 5), 3))); !ok || !d.Deserted {
		t.Errorf("%v %+v", ok, d)
	}
}

// TestLookRound: the new round is greater than any known.
func TestLookRound(t *testing.T) {
	m := looking(t, 1, 3, 1, 5)
	for _, tt := range []struct{ known, want Round }{{0, 2}, {1, 3}, {7, 8}} {
		m.Step(0, Look{Epoch: 1, Zxid: 5, Storage: disk(1), Round: tt.known})
		if got := m.Status().Round; got != tt.want {
			t.Errorf("round %d, want %d", got, tt.want)
		}
	}
}

// TestChanged: a committed membership while looking is judged by at once, in a new round.
func TestChanged(t *testing.T) {
	m := looking(t, 1, 5, 1, 5)
	m.Step(0, says(2, Looking, 1, vote(1, 1, 5), 5))
	v := viewOf(founding+5, 5, 0)
	for i := 2; i < 5; i++ {
		v.Membership.Members[i].Role = txn.Observer
	}
	if n, ok := sent(m.Step(ms, Changed{v}), 2); !ok || n.Round != 2 || n.View.Version != v.Version {
		t.Fatalf("said %+v", n)
	}
	r := says(2, Looking, 2, vote(1, 1, 5), 5)
	r.Notification.View = v
	wantDecision(t, m.Step(2*ms, r), 1)
}
