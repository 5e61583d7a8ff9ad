package election

import (
	"testing"
	"time"

	"github.com/quorate/quorate/store/txn"
)

const ms = time.Millisecond

// disk is the storage identity that the membership names for a server.
func disk(id txn.ServerID) txn.StorageID { return txn.StorageID(id) * 0x100 }

// views: n voters, then observers, founded (version 1.1) or blank (version 0).
func viewOf(version txn.Zxid, voters, observers int) View {
	v := View{Version: version}
	if version != 0 {
		v.Membership.Ensemble = 7
	}
	for i := range voters + observers {
		m := txn.Member{ID: txn.ServerID(i + 1), Role: txn.Voter}
		if i >= voters {
			m.Role = txn.Observer
		}
		if version != 0 {
			m.Storage = disk(m.ID)
		}
		v.Membership.Members = append(v.Membership.Members, m)
	}
	return v
}

var founding = txn.MakeZxid(1, 1)

func machine(t testing.TB, cfg Config) *Machine {
	t.Helper()
	m, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// looking returns server id of n founded voters, looking with (epoch, zxid) in round 1.
func looking(t testing.TB, id txn.ServerID, n int, epoch txn.Epoch, zxid txn.Zxid) *Machine {
	t.Helper()
	m := machine(t, Config{ID: id, View: viewOf(founding, n, 0)})
	m.Step(0, Look{Epoch: epoch, Zxid: zxid, Storage: disk(id)})
	return m
}

func vote(id txn.ServerID, epoch txn.Epoch, zxid txn.Zxid) Vote {
	return Vote{Leader: id, Epoch: epoch, Zxid: zxid, Storage: disk(id)}
}

// says makes the notification of a server of n founded voters.
func says(from txn.ServerID, s State, r Round, v Vote, n int) Received {
	return Received{From: from, Notification: Notification{State: s, Round: r, Vote: v, Storage: disk(from), View: viewOf(founding, n, 0)}}
}

// decision returns the Decide among actions; false if there is none.
func decision(actions []Action) (Decide, bool) {
	for _, a := range actions {
		if d, ok := a.(Decide); ok {
			return d, true
		}
	}
	return Decide{}, false
}

// sent returns the last notification to a server, directly or to all.
func sent(actions []Action, to txn.ServerID) (n Notification, ok bool) {
	for _, a := range actions {
		if s, is := a.(Send); is && (s.To == to || s.To == All) {
			n, ok = s.Notification, true
		}
	}
	return n, ok
}

func wantDecision(t *testing.T, actions []Action, leader txn.ServerID) Decide {
	t.Helper()
	d, ok := decision(actions)
	if !ok || d.Leader != leader {
		t.Fatalf("decided %v (%v), want leader %d", d, ok, leader)
	}
	return d
}

func wantNone(t *testing.T, actions []Action) {
	t.Helper()
	if d, ok := decision(actions); ok {
		t.Fatalf("decided for %d, want to go on looking", d.Leader)
	}
}
