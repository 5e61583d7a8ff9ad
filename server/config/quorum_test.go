package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/store/txn"
)

func TestQuorumOfTheSettings(t *testing.T) {
	const nine = "1=a:1,2=b:1,3=c:1,4=d:1,5=e:1,6=f:1,7=g:1,8=h:1,9=i:1,10=j:1:observer"
	for name, tc := range map[string]struct {
		peers, groups, weights string
		yes, no                []txn.ServerID
	}{
		"majority":          {"1=a:1,2=b:1,3=c:1", "", "", []txn.ServerID{1, 3}, []txn.ServerID{2}},
		"groups":            {nine, "1,2,3;4,5,6;7,8,9", "", []txn.ServerID{1, 2, 4, 5}, []txn.ServerID{1, 2, 3, 4, 7}},
		"weighted majority": {"1=a:1,2=b:1,3=c:1,4=d:1:observer", "", "1=3", []txn.ServerID{1}, []txn.ServerID{2, 3}},
		"weighted groups":   {nine, "1,2,3;4,5,6;7,8,9", "7=0,8=0,9=0", []txn.ServerID{1, 2, 5, 6}, []txn.ServerID{1, 2, 7, 8, 9}},
	} {
		var c config.Config
		ensemble(tc.peers, tc.groups, tc.weights)(&c)
		q, err := c.Quorum(txn.Membership{Members: c.Peers})
		if err != nil {
			t.Fatal(name, err)
		}
		among := func(ids []txn.ServerID) func(txn.ServerID) bool {
			return func(id txn.ServerID) bool { return slices.Contains(ids, id) }
		}
		if !q.Reached(among(tc.yes)) || q.Reached(among(tc.no)) || q.Has(10) {
			t.Errorf("%s: %v: want %v to be a quorum, %v not", name, q, tc.yes, tc.no)
		}
	}
}

func TestWeightsAndGroupsAreReadAsWritten(t *testing.T) {
	w, err := config.ParseWeights(" 2=0, 1 = 5,30=7 ")
	if err != nil || w.String() != "1=5,2=0,30=7" {
		t.Errorf("got %v, %v", w, err)
	}
	g, err := config.ParseGroups(" 3,1 ; 2 ")
	if err != nil || g.String() != "3,1;2" {
		t.Errorf("got %v, %v", g, err)
	}
	if w, err := config.ParseWeights(" "); err != nil || w != nil || w.String() != "" {
		t.Errorf("got %v, %v", w, err)
	}
	if g, err := config.ParseGroups(""); err != nil || g != nil || g.String() != "" {
		t.Errorf("got %v, %v", g, err)
	}
}

func TestWeightsAndGroupsRefuse(t *testing.T) {
	for in, want := range map[string]string{
		"1": "want id=weight", "1=2,": "want id=weight", "0=1": "must be 1 to 253", "254=1": "must be 1 to 253", "x=1": "must be 1 to 253",
		"1=": "weight must be a number", "1=x": "weight must be a number", "1=1.5": "weight must be a number",
		"1=99999999999999999999": "weight must be a number", "1=2,1=3": "server 1 has two weights",
	} {
		if w, err := config.ParseWeights(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, %v, want %q", in, w, err, want)
		}
	}
	for _, in := range []string{"1,,2", "1;;2", "1;", ",", "a", "0", "254", "1 2", "-1"} {
		if g, err := config.ParseGroups(in); err == nil || !strings.Contains(err.Error(), "must be 1 to 253") {
			t.Errorf("%q: got %v, %v", in, g, err)
		}
	}
}

func TestWhereOtherServersAreServed(t *testing.T) {
	for _, tc := range []struct{ peers, addr, want string }{
		{"", "", ""},
		{"", ":2888", ":2888"},
		{"1=a:1,2=b:2", "", "a:1"},
		{"1=a:1,2=b:2", "0.0.0.0:1", "0.0.0.0:1"},
	} {
		c := config.Default()
		c.Peers, _ = config.ParsePeers(tc.peers)
		c.PeerAddr = tc.addr
		if got := c.PeerListenAddr(); got != tc.want {
			t.Errorf("--peers %q --peer-addr %q: %q, want %q", tc.peers, tc.addr, got, tc.want)
		}
	}
}

func TestPlacesOfVoters(t *testing.T) {
	var c config.Config
	if w, g := c.PlaceOf(3); w != 1 || g != 1 {
		t.Errorf("without settings: weight %d, group %d", w, g)
	}
	ensemble("1=a:1,2=b:1,3=c:1", "1,2;3", "3=0,2=7")(&c)
	for id, want := range map[txn.ServerID][2]int64{1: {1, 1}, 2: {7, 1}, 3: {0, 2}} {
		if w, g := c.PlaceOf(id); w != want[0] || int64(g) != want[1] {
			t.Errorf("server %d: weight %d, group %d", id, w, g)
		}
	}
}
