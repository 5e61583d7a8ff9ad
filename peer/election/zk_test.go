package election

import (
	"errors"
	"testing"
	"time"

	"github.com/quorate/quorate/store/txn"
)

// The bugs of ZooKeeper's election that could be made here again. Those that could not are
// listed in DESIGN.md.

// TestZK1732LatecomerSeesOneVote: those who have settled remember different zxids, epochs and rounds of the
// same leader (they joined at different times), and the latecomer still counts them together.
func TestZK1732LatecomerSeesOneVote(t *testing.T) {
	m := looking(t, 3, 3, 4, txn.MakeZxid(4, 4))
	old := says(1, Following, 7, vote(2, 1, txn.MakeZxid(1, 5)), 3)
	old.Notification.Reign = 2
	wantNone(t, m.Step(ms, old))
	lead := says(2, Leading, 9, vote(2, 3, txn.MakeZxid(3, 1)), 3)
	lead.Notification.Reign = 4
	wantDecision(t, m.Step(2*ms, lead), 2)
	if m.Status().Round != 9 {
		t.Errorf("joined in round %d, want the leader's", m.Status().Round)
	}
}

// TestZK1805RestartedServerJoinsOldLeader: a server that has restarted, in a low round, is told by settled
// servers of a high one, with its own former self as one of their old votes.
func TestZK1805RestartedServerJoinsOldLeader(t *testing.T) {
	m := looking(t, 2, 5, 4, txn.MakeZxid(4, 9))
	wantNone(t, m.Step(ms, says(1, Following, 6, vote(2, 3, txn.MakeZxid(3, 1)), 5))) // who still follows our former life
	wantNone(t, m.Step(ms, says(5, Leading, 8, vote(5, 3, txn.MakeZxid(3, 1)), 5)))
	wantNone(t, m.Step(ms, says(3, Following, 8, vote(5, 3, txn.MakeZxid(3, 1)), 5)))
	wantDecision(t, m.Step(ms, says(4, Following, 8, vote(5, 3, txn.MakeZxid(3, 1)), 5)), 5)
}

// TestZK1817EstablishedEpochChangesNoVote: that a leader has its epoch changes what it reports for people, and
// not the vote by which others find it.
func TestZK1817EstablishedEpochChangesNoVote(t *testing.T) {
	m := looking(t, 3, 3, 4, txn.MakeZxid(4, 4))
	v := m.Status().Vote
	m.Step(0, Unreachable{2})
	wantDecision(t, m.Step(ms, says(1, Looking, 1, v, 3)), 3)
	m.Step(2*ms, Settled{Leader: 3, Reign: 5})
	n, ok := sent(m.Step(3*ms, says(2, Looking, 1, vote(2, 4, 1), 3)), 2)
	if !ok || n.State != Leading || n.Reign != 5 || n.Vote != v {
		t.Errorf("answered %v %+v", ok, n)
	}
}

// TestZK3109DisloyalVoter: a voter that had helped to elect us turns to another. We are told, and told when
// those left are no quorum, instead of waiting for initLimit.
func TestZK3109DisloyalVoter(t *testing.T) {
	m := looking(t, 3, 3, 1, txn.MakeZxid(1, 5))
	m.Step(0, Unreachable{2})
	wantDecision(t, m.Step(ms, says(1, Looking, 1, m.Status().Vote, 3)), 3)
	late := m.Step(2*ms, says(1, Looking, 1, m.Status().Vote, 3))
	if d, ok := disloyal(late); ok {
		t.Errorf("%+v, but it only has not decided yet", d)
	}
	better := vote(2, 9, txn.MakeZxid(9, 9)) // in the very same round
	d, ok := disloyal(m.Step(3*ms, says(1, Looking, 1, better, 3)))
	if !ok || d.ID != 1 || !d.Deserted {
		t.Errorf("disloyal %v %+v, want 1, and the leader deserted", ok, d)
	}
	if d, ok := disloyal(m.Step(4*ms, says(1, Looking, 2, better, 3))); ok {
		t.Errorf("told twice: %+v", d)
	}
}

// TestZK3109DisloyalVoterStillQuorum: one of five turns away, and a quorum is left.
func TestZK3109DisloyalVoterStillQuorum(t *testing.T) {
	m := looking(t, 5, 5, 1, txn.MakeZxid(1, 5))
	v := m.Status().Vote
	for id := range txn.ServerID(4) {
		m.Step(ms, says(id+1, Looking, 1, v, 5))
	}
	if m.Status().State != Leading {
		t.Fatal("not elected by all")
	}
	if d, ok := disloyal(m.Step(2*ms, says(1, Looking, 2, vote(1, 1, 1), 5))); !ok || d.Deserted {
		t.Errorf("%v %+v, want to be told of 1, with a quorum left", ok, d)
	}
	m.Step(3*ms, says(1, Following, 1, v, 5)) // and comes back
	m.Step(4*ms, says(2, Looking, 2, vote(2, 1, 1), 5))
	if d, _ := disloyal(m.Step(5*ms, says(3, Looking, 2, vote(3, 1, 1), 5))); d.Deserted {
		t.Error("deserted, with 1 and 4 behind it")
	}
	if d, _ := disloyal(m.Step(6*ms, says(4, Looking, 2, vote(4, 1, 1), 5))); !d.Deserted {
		t.Error("not deserted, with only 1 behind it")
	}
}

func disloyal(actions []Action) (Disloyal, bool) {
	for _, a := range actions {
		if d, ok := a.(Disloyal); ok {
			return d, true
		}
	}
	return Disloyal{}, false
}

// TestZK3537LeaderMustSayItLeads (FLEOutOfElectionTest): a quorum that follows somebody who does not
// lead, or no more, is no leader. Each voter counts once, with its last word.
func TestZK3537LeaderMustSayItLeads(t *testing.T) {
	for _, tt := range []struct {
		name  string
		words []Received
	}{
		{"followers alone", []Received{
			says(1, Following, 4, vote(3, 1, 5), 5), says(2, Following, 4, vote(3, 1, 5), 5), says(4, Following, 4, vote(3, 1, 5), 5),
		}},
		{"the leader looks itself", []Received{
			says(3, Leading, 4, vote(3, 1, 5), 5), says(1, Following, 4, vote(3, 1, 5), 5),
			says(3, Looking, 1, vote(3, 1, 5), 5), says(2, Following, 4, vote(3, 1, 5), 5), says(4, Following, 4, vote(3, 1, 5), 5),
		}},
		{"a follower has changed its leader", []Received{
			says(1, Following, 4, vote(3, 1, 5), 5), says(1, Following, 6, vote(4, 1, 5), 5),
			says(2, Following, 4, vote(3, 1, 5), 5), says(3, Leading, 4, vote(3, 1, 5), 5),
		}},
		{"votes of those who look do not count as followers", []Received{
			says(1, Looking, 1, vote(3, 1, 5), 5), says(2, Following, 1, vote(3, 1, 5), 5), says(3, Leading, 1, vote(3, 1, 5), 5),
		}},
		{"the leader is gone", []Received{
			says(3, Leading, 4, vote(3, 1, 5), 5), says(1, Following, 4, vote(3, 1, 5), 5), says(2, Following, 4, vote(3, 1, 5), 5),
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := looking(t, 5, 5, 2, txn.MakeZxid(2, 9))
			for i, r := range tt.words {
				if tt.name == "the leader is gone" && i == 2 {
					wantNone(t, m.Step(ms, Unreachable{3}))
				}
				wantNone(t, m.Step(ms, r))
			}
		})
	}
}

// TestZK3769MalformedNotification: what no server can mean is refused with its reason and changes nothing;
// the same sender is heard the next time.
func TestZK3769MalformedNotification(t *testing.T) {
	good := says(1, Looking, 1, vote(1, 1, 5), 3)
	for _, tt := range []struct {
		name string
		bad  func(*Received)
		want error
	}{
		{"no state", func(r *Received) { r.Notification.State = 0 }, ErrMalformed},
		{"unknown state", func(r *Received) { r.Notification.State = 5 }, ErrMalformed},
		{"no round", func(r *Received) { r.Notification.Round = 0 }, ErrMalformed},
		{"a round that uses the numbers up", func(r *Received) { r.Notification.Round = 1<<64 - 1 }, ErrMalformed},
		{"no storage identity", func(r *Received) { r.Notification.Storage = 0 }, ErrMalformed},
		{"nobody with an epoch", func(r *Received) { r.Notification.Vote = Vote{Epoch: 1} }, ErrMalformed},
		{"a candidate beyond the ids", func(r *Received) { r.Notification.Vote.Leader = 254 }, ErrMalformed},
		{"an epoch beyond the last", func(r *Received) { r.Notification.Vote.Epoch = txn.MaxEpoch + 1 }, ErrMalformed},
		{"a zxid beyond the last", func(r *Received) { r.Notification.Vote.Zxid = 1<<64 - 1 }, ErrMalformed},
		{"follows nobody", func(r *Received) { r.Notification.State, r.Notification.Vote = Following, Vote{} }, ErrMalformed},
		{"follows itself", func(r *Received) { r.Notification.State = Following }, ErrMalformed},
		{"leads as another", func(r *Received) { r.Notification.State, r.Notification.Vote.Leader = Leading, 2 }, ErrMalformed},
		{"a membership in disorder", func(r *Received) {
			v := viewOf(founding+1, 3, 0)
			v.Membership.Members[0].ID = 3
			r.Notification.View = v
		}, ErrMalformed},
		{"a membership of nobody", func(r *Received) {
			r.Notification.View = View{Version: founding + 1, Membership: txn.Membership{Ensemble: 7}}
		}, ErrMalformed},
		{"another ensemble", func(r *Received) { r.Notification.View.Membership.Ensemble = 8 }, ErrStranger},
		{"server 0", func(r *Received) { r.From = 0 }, ErrNotMember},
		{"ourselves", func(r *Received) { r.From = 2 }, ErrNotMember},
		{"not a member", func(r *Received) { r.From = 4 }, ErrNotMember},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := looking(t, 2, 3, 1, 5)
			m.Step(ms, Reachable{1, ms})
			before := *m
			before.peers = append([]peer(nil), m.peers...)
			bad := good
			tt.bad(&bad)
			actions := m.Step(ms, bad)
			refuse, ok := actions[0].(Refuse)
			if !ok || len(actions) != 1 || !errors.Is(refuse.Err, tt.want) || refuse.From != bad.From {
				t.Fatalf("did %+v, want a refusal: %v", actions, tt.want)
			}
			if !same(m, &before) {
				t.Errorf("it changed something:\n%+v\n%+v", before, m)
			}
			m.Step(2*ms, Unreachable{3})
			wantDecision(t, m.Step(2*ms, says(1, Looking, 1, vote(2, 1, 5), 3)), 2)
		})
	}
}

// same compares what lasts of two Machines.
func same(a, b *Machine) bool {
	if len(a.peers) != len(b.peers) {
		return false
	}
	for i := range a.peers {
		p, q := a.peers[i], b.peers[i]
		if p.link != q.link || p.since != q.since || p.heard != q.heard || p.backs != q.backs || p.word.Vote != q.word.Vote {
			return false
		}
	}
	return a.state == b.state && a.round == b.round && a.vote == b.vote && a.timer == b.timer && a.view.Version == b.view.Version
}

// TestZK4605SilentLinkDoesNotHideTheRest: whether one peer has got our message says nothing about the
// others: all of them are told again, and each as soon as it can be reached.
func TestZK4605SilentLinkDoesNotHideTheRest(t *testing.T) {
	m := looking(t, 1, 3, 1, 5)
	m.Step(ms, Reachable{2, ms})
	again := m.Step(m.timer, Tick{})
	if n, ok := sent(again, 3); !ok || n.State != Looking {
		t.Errorf("said %v to the one who could not be reached", again)
	}
	if _, ok := sent(m.Step(time.Second, Reachable{3, ms}), 3); !ok {
		t.Error("reached, and nothing said")
	}
}
