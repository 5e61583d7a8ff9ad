package server

import (
	"strings"
	"testing"
	"time"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// A local session costs the ensemble nothing, until it is to own a node: then it is one like any other, under the same id
// (ZooKeeper: SessionUpgradeTest).
func TestLocalSessionBecomesOneOfTheEnsemble(t *testing.T) {
	all := ensemble(t, peersOn(t, 3, 0), func(c *config.Config) { c.LocalSessions = true })
	leader, follower := leaderOf(t, all)
	for _, w := range []*world{leader, follower} {
		before := w.pipeline.Version().Zxid() // a follower may not have applied yet what the leader did in the round before
		s := w.session(t, &apiv1.OpenSessionRequest{TimeoutMs: minute})
		after := w.pipeline.Version().Zxid()
		name := strings.ToLower(w.status(t).GetRole().String())
		if !s.opened.GetLocal() || s.opened.GetSession() == 0 {
			t.Errorf("%s: opened %v", name, s.opened)
		}
		if z := txn.Zxid(s.opened.GetZxid()); z < before || z > after {
			t.Errorf("%s: opened at %v, and the server was between %v and %v", name, z, before, after)
		}
		s.ok(getCall("/", true))
		s.ok(createCall("/"+name, persistent))
		if n := w.pipeline.Version().Sessions(); n != 0 {
			t.Errorf("%s: the ensemble has %d sessions", name, n)
		}
		_, err := w.trySession(t, &apiv1.OpenSessionRequest{})
		if err != nil {
			t.Error(err)
		}
		for _, other := range all {
			if other != w {
				_, err := other.trySession(t, &apiv1.OpenSessionRequest{Credential: s.opened.GetCredential()})
				wantReason(t, err, "NO_SESSION")
			}
			_, err = other.keeper.KeepAlive(in(t, s.opened.GetCredential()), &apiv1.KeepAliveRequest{})
			wantReason(t, err, "NO_SESSION")
		}
		again := w.session(t, &apiv1.OpenSessionRequest{Credential: s.opened.GetCredential()})
		wantReason(t, s.ended(), "SESSION_MOVED")
		again.cxid = 100
		// Two that own something, one behind the other: it is taken in once.
		again.send(createCall("/"+name+"/e1", ephemeral), createCall("/"+name+"/e2", ephemeral))
		for range 2 {
			made := again.answer().GetCreate()
			if made.GetStat().GetOwner() != s.opened.GetSession() {
				t.Errorf("%s: %v", name, made)
			}
		}
		if n := w.pipeline.Version().Sessions(); n != 1 {
			t.Errorf("%s: the ensemble has %d sessions", name, n)
		}
		elsewhere := all[0].session(t, &apiv1.OpenSessionRequest{Credential: s.opened.GetCredential()})
		if elsewhere.opened.GetLocal() || elsewhere.opened.GetLastWrite().GetCxid() != 102 {
			t.Errorf("%s: taken up as %v", name, elsewhere.opened)
		}
		elsewhere.ok(closeCall())
		if n := all[0].pipeline.Version().Sessions(); n != 0 {
			t.Errorf("%s: the ensemble has %d sessions at the end", name, n)
		}
	}
}

// A local session on its way to the ensemble is cut from its stream when it is taken up, like any other: what that stream still brings along must not be
// carried out behind the answer.
func TestLocalSessionIsTakenUpOnItsWay(t *testing.T) {
	disk := newHeldDisk()
	w := run(t, disk, func(c *config.Config) { c.LocalSessions = true })
	s := w.session(t, &apiv1.OpenSessionRequest{TimeoutMs: minute})
	disk.hold(t)
	s.send(createCall("/e", ephemeral))
	<-disk.held
	type taken struct {
		*sessionStream
		err error
	}
	again := make(chan taken, 1)
	go func() {
		s, err := w.trySession(t, &apiv1.OpenSessionRequest{Credential: s.opened.GetCredential()})
		again <- taken{s, err}
	}()
	wantReason(t, s.ended(), "SESSION_MOVED")
	disk.release()
	now := <-again
	if now.err != nil {
		t.Fatal(now.err)
	}
	told := now.opened.GetLastWrite().GetCxid() == 1
	if made := now.ok(existsCall("/e", false)).GetExists().GetStat() != nil; made != told || now.opened.GetLocal() {
		t.Errorf("the node was made: %v, and the client is told %v", made, now.opened)
	}
}

func TestLocalSessionsEnd(t *testing.T) {
	w := run(t, vfs.NewMem(), func(c *config.Config) {
		c.LocalSessions, c.MinSessionTimeout, c.Tick = true, 50*time.Millisecond, 10*time.Millisecond
	})
	s, err := w.trySession(t, &apiv1.OpenSessionRequest{TimeoutMs: 1})
	if err == nil { // or it has expired before its stream began
		err = s.ended()
	}
	wantReason(t, err, "NO_SESSION")
	silent, _ := w.sessions.OpenLocal(1)
	eventually(t, "the session expires", func() bool { return len(w.sessions.Locals()) == 0 })
	_, err = w.trySession(t, &apiv1.OpenSessionRequest{Credential: silent.String()})
	wantReason(t, err, "NO_SESSION")

	closed := w.session(t, &apiv1.OpenSessionRequest{TimeoutMs: minute})
	closed.ok(closeCall())
	_, err = w.trySession(t, &apiv1.OpenSessionRequest{Credential: closed.opened.GetCredential()})
	wantReason(t, err, "NO_SESSION")
	wrong := w.session(t, &apiv1.OpenSessionRequest{TimeoutMs: minute}).opened.GetCredential()
	wrong = wrong[:17] + strings.Repeat("0", 32)
	_, err = w.trySession(t, &apiv1.OpenSessionRequest{Credential: wrong})
	wantReason(t, err, "NO_SESSION")
}
