package peer

import (
	"reflect"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	txnv1 "github.com/quorate/quorate/gen/quorate/txn/v1"
	"github.com/quorate/quorate/peer/election"
	"github.com/quorate/quorate/store/txn"
)

const reasonMalformed = quorumv1.RefusalReason_REFUSAL_REASON_MALFORMED

// notifications are such as servers send.
func notifications() map[string]election.Notification {
	blank := founded(3, 1)
	blank.Version, blank.Membership.Ensemble = 0, 0
	for i := range blank.Membership.Members {
		blank.Membership.Members[i].Storage = 0
	}
	greatest := election.View{Version: ^txn.Zxid(0), Membership: txn.Membership{Ensemble: ^txn.EnsembleID(0), Members: []txn.Member{
		{ID: txn.MaxServerID, Address: "[::1]:65535", Role: txn.Observer, Storage: ^txn.StorageID(0)},
	}}}
	return map[string]election.Notification{
		"nobody":  {State: election.Looking, Round: 1, Storage: 1, View: blank},
		"no list": {State: election.Looking, Round: 1, Storage: 1},
		"looking": {
			State: election.Looking, Round: 7, Storage: diskOf(1), View: founded(3, 1),
			Vote: election.Vote{Leader: 2, Epoch: 3, Zxid: txn.MakeZxid(3, 4), Storage: diskOf(2)},
		},
		"observing": {State: election.Observing, Round: 7, Storage: diskOf(4), Reign: 4, View: founded(3, 1), Vote: election.Vote{Leader: 1}},
		"greatest": {
			State: election.Leading, Round: ^election.Round(0), Storage: ^txn.StorageID(0), Reign: txn.MaxEpoch, View: greatest,
			Vote: election.Vote{Leader: txn.MaxServerID, Epoch: txn.MaxEpoch, Zxid: ^txn.Zxid(0), Storage: ^txn.StorageID(0)},
		},
	}
}

// TestNotificationsArrive: what is said is what is heard, bytes between.
func TestNotificationsArrive(t *testing.T) {
	for name, n := range notifications() {
		b, err := proto.Marshal(encodeNotification(n))
		if err != nil {
			t.Fatal(err)
		}
		m := new(quorumv1.Notification)
		if err := proto.Unmarshal(b, m); err != nil {
			t.Fatal(err)
		}
		if got, err := decodeNotification(m); err != nil || !reflect.DeepEqual(got, n) {
			t.Errorf("%s: said\n%+v, heard\n%+v, %v", name, n, got, err)
		}
	}
}

// TestNotificationHasEveryField: no field of the messages is left out by the conversions.
func TestNotificationHasEveryField(t *testing.T) {
	n := notifications()["greatest"]
	m := encodeNotification(n)
	member := m.GetMembership().GetMembers()[0]
	for _, m := range []proto.Message{m, m.GetVote(), m.GetMembership(), member} {
		fields := m.ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			if !m.ProtoReflect().Has(fields.Get(i)) {
				t.Errorf("%s is not set", fields.Get(i).FullName())
			}
		}
	}
}

// TestAddressIsMadeText: a name that protobuf would not send does not keep the vote from being heard.
func TestAddressIsMadeText(t *testing.T) {
	view := founded(1, 0)
	view.Membership.Members[0].Address = "\xff:1"
	m := encodeNotification(election.Notification{State: election.Looking, View: view})
	if _, err := proto.Marshal(m); err != nil {
		t.Error(err)
	}
}

// TestMalformedNotifications: what cannot be said is refused; what can is left to the election to judge.
func TestMalformedNotifications(t *testing.T) {
	member := func(m *txnv1.Member) *quorumv1.Notification {
		return &quorumv1.Notification{State: 1, Membership: &txnv1.Membership{Members: []*txnv1.Member{m}}}
	}
	for name, m := range map[string]*quorumv1.Notification{
		"nothing":             nil,
		"no state":            {},
		"negative state":      {State: -1},
		"unknown state":       {State: 5},
		"state beyond 8 bits": {State: 257},
		"vote for 254":        {State: 1, Vote: &quorumv1.Vote{Leader: 254}},
		"vote for 257":        {State: 1, Vote: &quorumv1.Vote{Leader: 257}},
		"member 0":            member(&txnv1.Member{}),
		"no member":           member(nil),
		"member 254":          member(&txnv1.Member{Id: 254}),
		"member 257":          member(&txnv1.Member{Id: 257}),
		"unknown role":        member(&txnv1.Member{Id: 1, Role: 3}),
		"negative role":       member(&txnv1.Member{Id: 1, Role: -1}),
		"role beyond 8 bits":  member(&txnv1.Member{Id: 1, Role: 257}),
		"too many members":    {State: 1, Membership: &txnv1.Membership{Members: make([]*txnv1.Member, 254)}},
	} {
		n, err := decodeNotification(m)
		if !reflect.DeepEqual(n, election.Notification{}) {
			t.Errorf("%s: heard %+v", name, n)
		}
		wantRejection(t, err, reasonMalformed)
	}
	for name, m := range map[string]*quorumv1.Notification{
		"no round":            {State: 1, Storage: 1},
		"a vote without id":   {State: 2, Vote: &quorumv1.Vote{Epoch: 1}},
		"an epoch of 32 bits": {State: 3, Reign: 1 << 31},
	} {
		if _, err := decodeNotification(m); err != nil {
			t.Errorf("%s: %v; the election refuses it, and the stream stands", name, err)
		}
	}
}

// FuzzDecodeExchange: any bytes are a message from a server or a rejection; what is heard can be
// said again, and the election takes it or refuses it.
func FuzzDecodeExchange(f *testing.F) {
	for _, n := range notifications() {
		b, err := proto.Marshal(&quorumv1.ExchangeRequest{Sequence: 1, Id: 2, Notification: encodeNotification(n)})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m := new(quorumv1.ExchangeRequest)
		if proto.Unmarshal(b, m) != nil {
			return
		}
		from, n, err := decodeExchange(m, 0)
		if err != nil {
			wantRejection(t, err, reasonMalformed)
			return
		}
		if !from.Valid() {
			t.Fatalf("from server %d", from)
		}
		if n == nil {
			return
		}
		if again, err := decodeNotification(encodeNotification(*n)); err != nil || !reflect.DeepEqual(again, *n) {
			t.Fatalf("heard\n%+v, said again\n%+v, %v", *n, again, err)
		}
		machine, err := election.New(election.Config{ID: 1, View: founded(3, 1)})
		if err != nil {
			t.Fatal(err)
		}
		machine.Step(0, stands(1, 1))
		for at := range time.Duration(3) {
			machine.Step(at*time.Second, election.Received{From: from, Notification: *n})
		}
	})
}
