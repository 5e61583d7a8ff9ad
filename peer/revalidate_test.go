package peer

import (
	"testing"
	"testing/synctest"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	txnv1 "github.com/quorate/quorate/gen/quorate/txn/v1"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// TestRevalidate is answered from the tip, in its turn among the learner's requests: a session lives from the proposal that
// opens it to the one that closes it, and only for who shows its secret.
func TestRevalidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{}, 2)
		defer c.rises()
		two := followers[0]
		two.set(func(v *voice) { v.mu.acks = false }) // nothing is committed from here on
		lives := func(id uint64) bool {
			t.Helper()
			two.heard()
			two.says(revalidation(id, aSession))
			for _, m := range two.heard() {
				if r := m.GetRevalidated(); r != nil {
					if r.GetId() != id || txn.Zxid(r.GetAtZxid()) != c.lead.term.Tip().Zxid() || r.GetFault() != nil {
						t.Errorf("question %d is answered with %v; the tip is at %v", id, r, c.lead.term.Tip().Zxid())
					}
					return r.GetValid()
				}
			}
			t.Fatalf("question %d is not answered", id)
			return false
		}
		if lives(1) {
			t.Error("it has not been opened")
		}
		two.says(requestTo(2, &quorumv1.Operation{Op: &quorumv1.Operation_CreateSession{CreateSession: sessionOf(aSession)}}))
		if !lives(3) {
			t.Error("it lives")
		}
		wrong := revalidation(4, aSession)
		wrong.GetRevalidate().TokenHash = []byte("another")
		two.heard()
		two.says(wrong)
		if got := two.heard(); len(got) != 1 || got[0].GetRevalidated().GetValid() {
			t.Errorf("with another secret: %v", got)
		}
		two.says(requestTo(5, &quorumv1.Operation{Op: &quorumv1.Operation_CloseSession{CloseSession: &txnv1.CloseSession{Session: aSession}}}))
		if lives(6) {
			t.Error("it is being closed")
		}
	})
}

func requestTo(id uint64, op *quorumv1.Operation) *quorumv1.SyncRequest {
	return &quorumv1.SyncRequest{Step: &quorumv1.SyncRequest_Request{Request: &quorumv1.Request{Id: id, Operation: op}}}
}

// TestRequestsComeViaTheirLearner, whatever they say, and are attached if they say so.
func TestRequestsComeViaTheirLearner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{}, 2)
		defer c.rises()
		var seen []Request
		c.peer.Handle(func(r Request, done func(Reply, error)) { seen = append(seen, r); c.carryOut(r, done) })
		attached := creation(1, "/b")
		attached.GetRequest().Attached, attached.GetRequest().Session = true, aSession
		for _, m := range []*quorumv1.SyncRequest{attached, creation(2, "/c"), revalidation(3, aSession)} {
			followers[0].says(m)
		}
		if len(seen) != 3 {
			t.Fatalf("%d requests", len(seen))
		}
		for i, r := range seen {
			if _, attaches := r.Op.(*tree.AttachRequest); r.Via != 2 || r.Attached != (i == 0) || attaches != (i == 2) {
				t.Errorf("request %d: %+v", i+1, r)
			}
		}
	})
}

// TestAttachOnALearner: the question goes to the leader, and its answer waits for the tree as every other does.
func TestAttachOnALearner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s, ended, up := upToDateFollower(t)
		defer f.asleep()
		h := newAnnals(t).adds(1, "/a", "/b")
		var done []error
		for range 4 {
			up.Submit(Request{Op: &tree.AttachRequest{Session: aSession, TokenHash: []byte(aToken)}}, func(_ Reply, err error) { done = append(done, err) })
		}
		for n := range uint64(4) {
			if r := s.hear().GetRevalidate(); r.GetId() != n+1 || r.GetSession() != aSession || string(r.GetTokenHash()) != aToken {
				t.Fatalf("question %d: %v", n+1, r)
			}
		}
		s.say(proposal(0, h.recs, 0))
		s.hear()
		say := func(r *quorumv1.Revalidated) {
			s.say(&quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Revalidated{Revalidated: r}})
			synctest.Wait()
		}
		say(&quorumv1.Revalidated{Id: 1, Valid: true, AtZxid: uint64(h.recs[0].Zxid)})
		say(&quorumv1.Revalidated{Id: 2, AtZxid: uint64(h.recs[1].Zxid)})
		say(&quorumv1.Revalidated{Id: 3, Fault: &quorumv1.Fault{Kind: fault.Overloaded.String()}})
		if len(done) != 1 || !fault.Is(done[0], fault.Overloaded) {
			t.Fatalf("before anything is committed: %v", done)
		}
		s.say(commit(h.recs[1].Zxid))
		synctest.Wait()
		if len(done) != 3 || done[1] != nil || !fault.Is(done[2], fault.NoSession) {
			t.Fatalf("when all is committed: %v", done)
		}
		s.say(replyAt(4, 0)) // another kind of answer than asked for
		if err := <-ended; !isRejected(err, quorumv1.RefusalReason_REFUSAL_REASON_MALFORMED) {
			t.Errorf("a Reply to a Revalidate: %v", err)
		}
		if len(done) != 4 || !fault.Is(done[3], fault.Unavailable) { // asking again is harmless
			t.Errorf("at the end of the stream: %v", done)
		}
	})
}
