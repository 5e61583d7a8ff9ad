package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// answers counts what was done of requests, by name, and keeps the order.
type answers struct {
	t  *testing.T
	mu struct {
		sync.Mutex
		err   map[string]error
		order []string
	}
}

func newAnswers(t *testing.T) *answers {
	a := &answers{t: t}
	a.mu.err = map[string]error{}
	return a
}

// submit asks for the creation of a path, which is also its name here.
func (a *answers) submit(up *Upstream, path string) {
	up.Submit(Request{Op: &tree.CreateRequest{Path: path, ACL: tree.OpenACL()}}, func(_ Reply, err error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if _, twice := a.mu.err[path]; twice {
			a.t.Errorf("%s is done twice", path)
		}
		a.mu.err[path] = err
		a.mu.order = append(a.mu.order, path)
	})
}

func (a *answers) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []string
	for _, path := range a.mu.order {
		if err := a.mu.err[path]; err != nil {
			path += "=" + fault.Of(err).String()
		}
		all = append(all, path)
	}
	return strings.Join(all, " ")
}

// are compares what is done so far, in order.
func (a *answers) are(want string) {
	a.t.Helper()
	synctest.Wait()
	if got := a.String(); got != want {
		a.t.Errorf("done: %q, want %q", got, want)
	}
}

// upToDateFollower is one with an empty history in epoch 1.
func upToDateFollower(t *testing.T) (*follower, *script, <-chan error, *Upstream) {
	f := awake(t, vfs.NewMem())
	s, ended := f.follow(Following)
	s.lead(1, newAnnals(t))
	return f, s, ended, f.peer.Standing().Upstream
}

// refusal is the leader's answer to a request that failed on its tip.
func refusal(id uint64, at txn.Zxid, kind fault.Kind) *quorumv1.SyncResponse {
	return &quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Reply{Reply: &quorumv1.Reply{
		Id: id, AtZxid: uint64(at), Fault: &quorumv1.Fault{Kind: kind.String()},
	}}}
}

// TestAnswersWaitForTheTree: a client that reads its own write, or acts on a refusal, finds the tree as
// the leader had it: no answer before its zxid is applied here. What has no zxid does not wait.
func TestAnswersWaitForTheTree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s, ended, up := upToDateFollower(t)
		defer f.asleep()
		a, h := newAnswers(t), newAnnals(t).adds(1, "/a", "/b")
		for _, path := range []string{"/a", "/b", "/a/x", "/busy"} {
			a.submit(up, path)
		}
		for want := range uint64(4) {
			if r := s.hear().GetRequest(); r.GetId() != want+1 {
				t.Fatalf("request %v, want number %d", r, want+1)
			}
		}
		s.say(proposal(0, h.recs, 0))
		s.hear()
		s.say(replyAt(2, h.recs[1].Zxid)) // as they come; the order of zxids counts
		s.say(refusal(3, h.recs[1].Zxid, fault.NoAuth))
		s.say(replyAt(1, h.recs[0].Zxid))
		a.are("")
		s.say(refusal(4, 0, fault.Overloaded))
		a.are("/busy=OVERLOADED")
		s.say(commit(h.recs[0].Zxid))
		a.are("/busy=OVERLOADED /a")
		s.say(commit(h.recs[1].Zxid))
		a.are("/busy=OVERLOADED /a /b /a/x=NO_AUTH")
		a.submit(up, "/again") // its zxid is applied already
		if s.hear().GetRequest().GetId() != 5 {
			t.Error("numbers go on")
		}
		s.say(refusal(5, h.recs[1].Zxid, fault.NodeExists))
		a.are("/busy=OVERLOADED /a /b /a/x=NO_AUTH /again=NODE_EXISTS")
		s.end(io.EOF)
		<-ended
	})
}

// silenceInBubble is more of it than broadcast allows.
func silenceInBubble(*script) { time.Sleep(3 * time.Second) }

// TestEndings: when the stream ends, each request that is still waiting is done, once: with an unknown outcome
// if the leader may have it, as not done if it cannot; and so is what comes later.
func TestEndings(t *testing.T) {
	for name, end := range map[string]func(*script){
		"the leader ends it":   func(s *script) { s.end(io.EOF) },
		"the leader resigns":   func(s *script) { s.end(reject(quorumv1.RefusalReason_REFUSAL_REASON_RESIGNED, "over")) },
		"this server stops":    func(s *script) { s.quit(context.Canceled) },
		"the leader is silent": silenceInBubble,
		"the leader is wrong":  func(s *script) { s.say(leaderInfo(2)) },
	} {
		synctest.Test(t, func(t *testing.T) {
			f := awake(t, vfs.NewMem())
			defer f.asleep()
			a := newAnswers(t)
			stuck, requests := make(chan struct{}), 0
			f.sent = func(m *quorumv1.SyncRequest) {
				if m.GetRequest() == nil {
					return
				}
				if requests++; requests == 3 {
					<-stuck // the stream takes no more
				}
			}
			s, ended := f.follow(Following)
			s.lead(1, newAnnals(t))
			up := f.peer.Standing().Upstream
			for _, path := range []string{"/held", "/sent", "/underway", "/waiting", "/waiting2"} {
				a.submit(up, path)
			}
			s.hear()
			s.say(replyAt(1, txn.MakeZxid(1, 1)))
			a.are("")
			end(s)
			synctest.Wait()
			if len(ended) != 0 {
				t.Errorf("%s: follow has returned, and a goroutine of it is still sending", name)
			}
			close(stuck)
			if err := <-ended; err == nil {
				t.Errorf("%s: follow returned nil", name)
			}
			const want = "/held=UNKNOWN_OUTCOME /sent=UNKNOWN_OUTCOME /underway=UNKNOWN_OUTCOME /waiting=UNAVAILABLE /waiting2=UNAVAILABLE"
			a.are(want)
			select {
			case <-up.Over():
			default:
				t.Errorf("%s: the upstream is not over", name)
			}
			a.submit(up, "/late")
			a.are(want + " /late=UNAVAILABLE")
		})
	}
}

// TestEndIsToldInOrder: whoever learns from its request, or from Over, that the stream has ended, is not
// given it again, and sees the reason.
func TestEndIsToldInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s, ended, up := upToDateFollower(t)
		defer f.asleep()
		told := 0
		up.Submit(Request{Op: &tree.DeleteRequest{Path: "/a"}}, func(Reply, error) {
			told++
			if now := f.peer.Standing(); now.Upstream != nil || now.Role != Looking || now.Reason == nil {
				t.Errorf("when the request is done: %+v", now)
			}
			select {
			case <-up.Over():
				t.Error("the upstream is over, and a request is not done")
			default:
			}
		})
		s.hear()
		s.end(io.EOF)
		<-up.Over()
		<-ended
		if told != 1 {
			t.Errorf("done %d times", told)
		}
	})
}

// TestTooManyRequests: the bound on what waits, by number and by bytes; an answer makes room.
func TestTooManyRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s, ended, up := upToDateFollower(t)
		defer f.asleep()
		a := newAnswers(t)
		for i := range maxOutstanding {
			a.submit(up, fmt.Sprintf("/%d", i))
		}
		a.are("")
		var refused *fault.Error
		up.Submit(Request{Op: &tree.DeleteRequest{Path: "/x"}}, func(_ Reply, err error) { errors.As(err, &refused) })
		if refused == nil || refused.Kind != fault.Overloaded || refused.RetryAfter <= 0 {
			t.Errorf("beyond the bound: %v", refused)
		}
		s.say(replyAt(1, 0))
		a.are("/0")
		a.submit(up, "/room")
		a.are("/0")
		s.say(replyAt(2, txn.MakeZxid(1, 9))) // an answer that waits for the tree makes none
		synctest.Wait()
		a.submit(up, "/full")
		a.are("/0 /full=OVERLOADED")
		s.end(io.EOF)
		<-ended
		if n := len(a.mu.order); n != maxOutstanding+2 {
			t.Errorf("%d of %d are done", n, maxOutstanding+2)
		}
	})
}

// TestTooManyBytes: large requests that the stream does not take are bounded by their bytes.
func TestTooManyBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := awake(t, vfs.NewMem())
		defer f.asleep()
		first := make(chan struct{})
		var stuck atomic.Pointer[chan struct{}] // the stream takes no request before it is closed
		stuck.Store(&first)
		f.sent = func(m *quorumv1.SyncRequest) {
			if m.GetRequest() != nil {
				<-*stuck.Load()
			}
		}
		s, ended := f.follow(Following)
		s.lead(1, newAnnals(t))
		up := f.peer.Standing().Upstream
		taken, data := 0, make([]byte, 1<<20)
		for full := false; !full; {
			up.Submit(Request{Op: &tree.SetRequest{Path: "/a", Data: data}}, func(_ Reply, err error) { full = fault.Is(err, fault.Overloaded) })
			synctest.Wait()
			taken++
		}
		if taken < maxUnsent>>20 || taken > maxUnsent>>20+2 {
			t.Errorf("%d requests of 1 MiB were taken, the bound is %d MiB", taken, maxUnsent>>20)
		}
		close(first)
		synctest.Wait() // all is sent, which makes room for as much again
		again := make(chan struct{})
		stuck.Store(&again)
		for i := range taken - 1 {
			up.Submit(Request{Op: &tree.SetRequest{Path: "/a", Data: data}}, func(_ Reply, err error) {
				if fault.Is(err, fault.Overloaded) {
					t.Errorf("request %d of as many as fitted before: %v", i, err)
				}
			})
			synctest.Wait()
		}
		close(again)
		s.end(io.EOF)
		<-ended
	})
}

// TestRequestThatCannotTravel is refused here and now.
func TestRequestThatCannotTravel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s, ended, up := upToDateFollower(t)
		defer f.asleep()
		var got error
		up.Submit(Request{Op: &tree.MembershipRequest{}}, func(_ Reply, err error) { got = err })
		if fault.Of(got) != fault.BadArguments || !s.heardNothing() {
			t.Errorf("a membership was forwarded: %v", got)
		}
		s.end(io.EOF)
		<-ended
	})
}

// TestSyncThroughTheLeader is P10 on a learner: the leader's zxid, once it is applied here. It changes nothing, so
// that its outcome is never unknown.
func TestSyncThroughTheLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s, ended, _ := upToDateFollower(t)
		defer f.asleep()
		h := newAnnals(t).adds(1, "/a")
		type result struct {
			at  txn.Zxid
			err error
		}
		ask := func(ctx context.Context) chan result {
			c := make(chan result, 1)
			go func() {
				at, err := f.peer.Sync(ctx)
				c <- result{at, err}
			}()
			return c
		}
		first := ask(t.Context())
		if s.hear().GetSync().GetId() != 1 {
			t.Fatal("the leader is not asked")
		}
		s.say(proposal(0, h.recs, 0))
		s.say(replyAt(1, h.last()))
		synctest.Wait()
		if len(first) != 0 {
			t.Error("synced before the zxid is applied")
		}
		s.say(commit(h.last()))
		if r := <-first; r.err != nil || r.at != h.last() {
			t.Errorf("synced: %+v", r)
		}
		ctx, cancel := context.WithCancel(t.Context())
		impatient, patient := ask(ctx), ask(t.Context())
		synctest.Wait()
		cancel()
		if r := <-impatient; !errors.Is(r.err, context.Canceled) {
			t.Errorf("cancelled: %+v", r)
		}
		s.end(io.EOF)
		<-ended
		if r := <-patient; !fault.Is(r.err, fault.Unavailable) {
			t.Errorf("the leader is lost: %+v", r)
		}
	})
}
