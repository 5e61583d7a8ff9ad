package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/store/vfs"
)

// A session's nodes are there on all servers as long as it is open, and go with it.
func TestEphemeralsLiveByTheirSession(t *testing.T) {
	all, leader, follower, observer := trio(t)
	for i, w := range []*world{leader, follower, observer} {
		path := fmt.Sprintf("/e%d", i)
		s := w.session(t, &apiv1.OpenSessionRequest{TimeoutMs: minute})
		made := s.ok(createCall(path, ephemeral)).GetCreate()
		if made.GetStat().GetOwner() != s.opened.GetSession() || made.GetStat().GetOwner() == 0 {
			t.Errorf("%s belongs to %x, the session is %x", path, made.GetStat().GetOwner(), s.opened.GetSession())
		}
		s.fails(createCall(path+"/child", persistent), "EPHEMERAL_PARENT")
		for _, other := range all {
			got, err := other.keeper.Exists(t.Context(), &apiv1.ExistsRequest{Path: path, Options: &apiv1.ReadOptions{MinZxid: made.GetZxid()}})
			if err != nil || got.GetStat() == nil || got.GetZxid() < made.GetZxid() {
				t.Errorf("%s: %v, %v", path, got, err)
			}
		}
		end := s.ok(closeCall()).GetClose().GetZxid()
		if err := s.ended(); !errors.Is(err, io.EOF) {
			t.Errorf("after a close: %v", err)
		}
		for _, other := range all {
			got, err := other.keeper.Exists(t.Context(), &apiv1.ExistsRequest{Path: path, Options: &apiv1.ReadOptions{MinZxid: end}})
			if err != nil || got.GetStat() != nil {
				t.Errorf("%s after the end: %v, %v", path, got, err)
			}
		}
		_, err := w.trySession(t, &apiv1.OpenSessionRequest{Credential: s.opened.GetCredential()})
		wantReason(t, err, "NO_SESSION")
	}
}

// Requests are carried out in their order, whatever they are and however many are sent at once: a read sees the writes before
// it and none behind it.
func TestRequestsOfASessionAreCarriedOutInOrder(t *testing.T) {
	_, leader, follower, observer := trio(t)
	for i, w := range []*world{leader, follower, observer} {
		s := w.session(t, &apiv1.OpenSessionRequest{TimeoutMs: minute})
		path := fmt.Sprintf("/n%d", i)
		var calls []*apiv1.SessionCall
		calls = append(calls, createCall(path, persistent))
		const rounds = 100
		for n := range rounds {
			calls = append(calls, setCall(path, fmt.Sprint(n)), setCall(path, fmt.Sprintf("%d!", n)), getCall(path, false), createCall(path, persistent))
		}
		s.send(calls...)
		s.answer()
		for n := range rounds {
			first, second, read, refused := s.answer(), s.answer(), s.answer(), s.answer()
			if first.GetSet() == nil || second.GetSet().GetStat().GetVersion() != int32(2*n+2) {
				t.Fatalf("round %d: %v, %v", n, first, second)
			}
			if got := read.GetGet(); string(got.GetData()) != fmt.Sprintf("%d!", n) || got.GetZxid() < second.GetSet().GetZxid() {
				t.Fatalf("round %d reads %q", n, got.GetData())
			}
			if refused.GetFailure().GetReason() != "NODE_EXISTS" || refused.GetFailure().GetPath() != path || refused.GetFailure().GetCode() != uint32(codes.AlreadyExists) {
				t.Fatalf("round %d: %v", n, refused)
			}
		}
	}
}

// The event of a watch comes before the answer of whatever request saw its effect, and after the answer of the one that left it.
func TestEventsComeBeforeTheirEffectIsSeen(t *testing.T) {
	_, leader, follower, _ := trio(t)
	s, other := follower.session(t, &apiv1.OpenSessionRequest{TimeoutMs: minute}), leader.session(t, &apiv1.OpenSessionRequest{TimeoutMs: minute})
	if a := s.ok(existsCall("/a", true)).GetExists(); a.GetStat() != nil {
		t.Fatal(a)
	}
	s.send(createCall("/a", persistent))
	if e := s.event(); e != "CREATED /a" {
		t.Fatal(e)
	}
	s.answer()

	s.ok(getCall("/a", true))
	s.ok(listCall("/a", true))
	s.ok(watchCall("/a", apiv1.WatchMode_WATCH_MODE_PERSISTENT_RECURSIVE, 0))
	s.fails(getCall("/none", true), "NO_NODE")
	other.ok(createCall("/a/b", persistent))
	at := other.ok(setCall("/a", "1")).GetSet().GetZxid()
	s.send(&apiv1.SessionCall{Op: &apiv1.SessionCall_Get{Get: &apiv1.GetRequest{Path: "/a", Options: &apiv1.ReadOptions{MinZxid: at}}}})
	for _, want := range []string{"CREATED /a/b", "CHILDREN_CHANGED /a", "DATA_CHANGED /a"} {
		if e := s.event(); e != want {
			t.Errorf("got %s, want %s", e, want)
		}
	}
	if a := s.answer(); string(a.GetGet().GetData()) != "1" {
		t.Error(a)
	}
	// One-shots are used up; the recursive watch is not.
	other.ok(setCall("/a", "2"))
	if e := s.event(); e != "DATA_CHANGED /a" {
		t.Error(e)
	}
	remove := &apiv1.SessionCall{Op: &apiv1.SessionCall_RemoveWatch{RemoveWatch: &apiv1.RemoveWatchRequest{Path: "/a"}}}
	s.ok(remove)
	remove.Cxid = 0
	s.fails(remove, "NO_WATCH")
	other.ok(setCall("/a", "3"))
	s.ok(&apiv1.SessionCall{Op: &apiv1.SessionCall_Sync{Sync: &apiv1.SyncRequest{}}})
	if a := s.ok(getCall("/a", false)); string(a.GetGet().GetData()) != "3" {
		t.Error(a)
	}
}

// A client that comes back is told which of its writes was the last, and of its watches what it has missed.
func TestSessionIsTakenUpElsewhere(t *testing.T) {
	_, leader, follower, observer := trio(t)
	s := follower.session(t, &apiv1.OpenSessionRequest{TimeoutMs: minute})
	s.ok(createCall("/a", persistent))
	s.send(&apiv1.SessionCall{Op: &apiv1.SessionCall_Create{Create: &apiv1.CreateRequest{Path: "/a/n-", Kind: ephemeral, Sequential: true}}})
	made := s.answer().GetCreate()
	s.ok(getCall("/a", true))
	seen := made.GetZxid()
	s.leave()

	leader.create(t, &apiv1.CreateRequest{Path: "/a/other"})
	set, err := leader.keeper.Set(t.Context(), &apiv1.SetRequest{Path: "/a", Data: []byte("1")})
	if err != nil {
		t.Fatal(err)
	}
	again := observer.session(t, &apiv1.OpenSessionRequest{Credential: s.opened.GetCredential(), LastZxid: set.GetZxid()})
	if w := again.opened.GetLastWrite(); w.GetCxid() != 2 || w.GetZxid() != made.GetZxid() || w.GetPath() != "/a/n-0000000000" {
		t.Errorf("the last write is %v", w)
	}
	if o := again.opened; o.GetSession() != s.opened.GetSession() || o.GetCredential() != s.opened.GetCredential() || o.GetTimeoutMs() != minute || o.GetZxid() < set.GetZxid() {
		t.Errorf("opened %v, before %v", o, s.opened)
	}
	again.cxid = 10
	again.send(watchCall("/a", apiv1.WatchMode_WATCH_MODE_DATA, seen), watchCall("/a", apiv1.WatchMode_WATCH_MODE_PERSISTENT_RECURSIVE, seen))
	for _, want := range []string{"DATA_CHANGED /a missed by 11", "answer", "CREATED /a/other missed by 12", "DATA_CHANGED /a missed by 12", "answer"} {
		if want == "answer" {
			again.answer()
		} else if e := again.event(); e != want {
			t.Errorf("got %s, want %s", e, want)
		}
	}
	nodes := again.ok(&apiv1.SessionCall{Op: &apiv1.SessionCall_GetEphemerals{GetEphemerals: &apiv1.GetEphemeralsRequest{}}}).GetGetEphemerals().GetPaths()
	if len(nodes) != 1 || nodes[0] != "/a/n-0000000000" {
		t.Errorf("its nodes are %v", nodes)
	}
}

// What a session's former stream still brings along is refused: on the same server it is cut, on another one the leader
// tells it with its next write.
func TestOnlyTheLastStreamHasTheSession(t *testing.T) {
	_, leader, follower, observer := trio(t)
	first := follower.session(t, &apiv1.OpenSessionRequest{TimeoutMs: minute})
	second := follower.session(t, &apiv1.OpenSessionRequest{Credential: first.opened.GetCredential()})
	wantReason(t, first.ended(), "SESSION_MOVED")
	second.ok(createCall("/a", persistent))
	third := observer.session(t, &apiv1.OpenSessionRequest{Credential: first.opened.GetCredential()})
	second.send(createCall("/late", persistent), createCall("/later", persistent))
	wantReason(t, second.ended(), "SESSION_MOVED")
	fourth := leader.session(t, &apiv1.OpenSessionRequest{Credential: first.opened.GetCredential()})
	third.send(createCall("/late", persistent))
	wantReason(t, third.ended(), "SESSION_MOVED")
	fourth.cxid = 10
	for _, path := range []string{"/late", "/later"} {
		if a := fourth.ok(existsCall(path, false)).GetExists(); a.GetStat() != nil {
			t.Errorf("%s was created by who no longer has the session", path)
		}
	}
}

// Whoever does not show the secret learns nothing of a session, not even that there is one.
func TestSecretIsNeeded(t *testing.T) {
	w := run(t, vfs.NewMem(), nil)
	s := w.session(t, &apiv1.OpenSessionRequest{TimeoutMs: minute})
	credential := s.opened.GetCredential()
	wrong := credential[:len(credential)-1] + string("0123456789abcdef"[(strings.IndexByte("0123456789abcdef", credential[len(credential)-1])+1)%16])
	other := "ff" + credential[2:]
	for _, c := range []string{wrong, other} {
		_, err := w.trySession(t, &apiv1.OpenSessionRequest{Credential: c})
		wantReason(t, err, "NO_SESSION")
		_, unary := w.keeper.KeepAlive(in(t, c), &apiv1.KeepAliveRequest{})
		wantReason(t, unary, "NO_SESSION")
	}
	for _, c := range []string{"x", credential + "0", credential[1:], strings.ReplaceAll(credential, "-", "")} {
		_, err := w.trySession(t, &apiv1.OpenSessionRequest{Credential: c})
		wantReason(t, err, "BAD_ARGUMENTS")
		if strings.Contains(err.Error(), c) {
			t.Errorf("the error repeats it: %v", err)
		}
	}
	s.ok(createCall("/still-there", ephemeral))
}

// A shell script with grpcurl alone can hold a session: it names it in each call.
func TestCallsThatNameTheirSession(t *testing.T) {
	_, leader, follower, observer := trio(t)
	open, err := follower.keeper.OpenSession(t.Context(), &apiv1.OpenSessionRequest{TimeoutMs: minute})
	if err != nil {
		t.Fatal(err)
	}
	ctx := in(t, open.GetCredential())
	made, err := observer.keeper.Create(ctx, &apiv1.CreateRequest{Path: "/e", Kind: ephemeral})
	if err != nil || made.GetStat().GetOwner() != open.GetSession() {
		t.Fatalf("%v, %v", made, err)
	}
	alive, err := leader.keeper.KeepAlive(ctx, &apiv1.KeepAliveRequest{})
	if err != nil || alive.GetTimeoutMs() != minute {
		t.Errorf("%v, %v", alive, err)
	}
	multi, err := leader.keeper.Multi(ctx, &apiv1.MultiRequest{Ops: []*apiv1.MultiOp{
		{Op: &apiv1.MultiOp_Create{Create: &apiv1.CreateRequest{Path: "/e2", Kind: ephemeral}}},
	}})
	if err != nil || multi.GetResults()[0].GetStat().GetOwner() != open.GetSession() {
		t.Errorf("%v, %v", multi, err)
	}
	mine, err := observer.keeper.GetEphemerals(ctx, &apiv1.GetEphemeralsRequest{Options: &apiv1.ReadOptions{MinZxid: multi.GetZxid()}})
	if err != nil || fmt.Sprint(mine.GetPaths()) != "[/e /e2]" {
		t.Errorf("%v, %v", mine, err)
	}
	again, err := observer.keeper.OpenSession(t.Context(), &apiv1.OpenSessionRequest{Credential: open.GetCredential()})
	if err != nil || again.GetSession() != open.GetSession() {
		t.Errorf("%v, %v", again, err)
	}
	if _, err := observer.keeper.CloseSession(ctx, &apiv1.CloseSessionRequest{}); err != nil {
		t.Fatal(err)
	}
	_, err = leader.keeper.Create(ctx, &apiv1.CreateRequest{Path: "/late"})
	wantReason(t, err, "NO_SESSION")
	gone, err := observer.keeper.Exists(t.Context(), &apiv1.ExistsRequest{Path: "/e"})
	if err != nil || gone.GetStat() != nil {
		t.Errorf("%v, %v", gone, err)
	}
	for _, f := range []func(context.Context) error{
		func(ctx context.Context) error { _, err := leader.keeper.KeepAlive(ctx, nil); return err },
		func(ctx context.Context) error { _, err := leader.keeper.CloseSession(ctx, nil); return err },
		func(ctx context.Context) error { _, err := leader.keeper.GetEphemerals(ctx, nil); return err },
	} {
		wantReason(t, f(t.Context()), "NO_SESSION")
	}
	_, err = leader.keeper.Create(t.Context(), &apiv1.CreateRequest{Path: "/e", Kind: ephemeral})
	wantReason(t, err, "BAD_ARGUMENTS")
	_, err = leader.keeper.Get(t.Context(), &apiv1.GetRequest{Path: "/", Watch: true})
	wantReason(t, err, "BAD_ARGUMENTS")
}

// What the client says wrongly ends its stream with a reason; the session lives on.
func TestStreamsThatMakeNoSense(t *testing.T) {
	w := run(t, vfs.NewMem(), nil)
	raw, err := w.keeper.Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Send(&apiv1.SessionRequest{}); err != nil {
		t.Fatal(err)
	}
	_, err = raw.Recv()
	wantReason(t, err, "BAD_ARGUMENTS")

	s := w.session(t, &apiv1.OpenSessionRequest{TimeoutMs: minute})
	credential := s.opened.GetCredential()
	twice := getCall("/", false)
	twice.Cxid = 5
	for what, m := range map[string]*apiv1.SessionRequest{
		"a number twice": {Calls: []*apiv1.SessionCall{twice, twice}},
		"number 0":       {Calls: []*apiv1.SessionCall{{}}},
		"open again":     {Open: &apiv1.OpenSessionRequest{}},
	} {
		s = w.session(t, &apiv1.OpenSessionRequest{Credential: credential})
		if err := s.raw.Send(m); err != nil {
			t.Fatal(err)
		}
		if got, _ := reason(s.ended()); got != "BAD_ARGUMENTS" {
			t.Errorf("%s: %q", what, got)
		}
	}
	s = w.session(t, &apiv1.OpenSessionRequest{Credential: credential})
	s.fails(&apiv1.SessionCall{}, "BAD_ARGUMENTS")
	s.fails(watchCall("/", apiv1.WatchMode_WATCH_MODE_UNSPECIFIED, 0), "BAD_ARGUMENTS")
	s.fails(watchCall("x", apiv1.WatchMode_WATCH_MODE_DATA, 0), "INVALID_PATH")
	s.fails(createCall("/a/b/c", persistent), "NO_PARENT")
	s.ok(createCall("/a", ephemeral))
}

// A ping is answered, and a client that has said its last gets all its answers.
func TestPingsAndTheEndOfAStream(t *testing.T) {
	w := run(t, vfs.NewMem(), func(c *config.Config) { c.MinSessionTimeout = 30 * time.Second })
	s := w.session(t, &apiv1.OpenSessionRequest{})
	if s.opened.GetTimeoutMs() != uint32(w.cfg.MaxSessionTimeout.Milliseconds()) {
		t.Errorf("whoever asks for no timeout gets %d ms", s.opened.GetTimeoutMs())
	}
	if err := s.raw.Send(&apiv1.SessionRequest{}); err != nil {
		t.Fatal(err)
	}
	if m, err := s.receive(); err != nil || len(m.GetItems()) != 0 || m.GetZxid() == 0 {
		t.Errorf("a ping is answered by %v, %v", m, err)
	}
	s.send(createCall("/a", ephemeral), setCall("/a", "1"), getCall("/a", false))
	if err := s.raw.CloseSend(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		s.answer()
	}
	if err := s.ended(); !errors.Is(err, io.EOF) {
		t.Errorf("ended by %v", err)
	}
	got, err := w.keeper.Exists(t.Context(), &apiv1.ExistsRequest{Path: "/a"})
	if err != nil || got.GetStat() == nil {
		t.Errorf("the session did not outlive its stream: %v, %v", got, err)
	}
	short := w.session(t, &apiv1.OpenSessionRequest{TimeoutMs: 1})
	if short.opened.GetTimeoutMs() != uint32(w.cfg.MinSessionTimeout.Milliseconds()) {
		t.Errorf("the shortest timeout is %d ms", short.opened.GetTimeoutMs())
	}
}

// Who does not read its answers is not read either, and hurts nobody; the ensemble has so many sessions and no more.
func TestSessionsAreBounded(t *testing.T) {
	w := run(t, vfs.NewMem(), func(c *config.Config) { c.MaxSessions, c.MaxSessionRequests, c.MaxSessionWatches = 2, 2, 1 })
	s := w.session(t, &apiv1.OpenSessionRequest{TimeoutMs: minute})
	s.ok(watchCall("/elsewhere", apiv1.WatchMode_WATCH_MODE_PERSISTENT, 0))
	s.fails(watchCall("/too-many", apiv1.WatchMode_WATCH_MODE_DATA, 0), "OVERLOADED")
	const n = 1000
	sent := make(chan error, 1)
	go func() {
		for i := range n {
			call := createCall(fmt.Sprintf("/n%d", i), persistent)
			call.Cxid = int64(i + 3)
			if err := s.raw.Send(&apiv1.SessionRequest{Calls: []*apiv1.SessionCall{call}}); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for i := range n {
		if a := s.answer(); a.GetCxid() != int64(i+3) || a.GetCreate() == nil {
			t.Fatal(a)
		}
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	w.session(t, &apiv1.OpenSessionRequest{TimeoutMs: minute})
	_, err := w.trySession(t, &apiv1.OpenSessionRequest{TimeoutMs: minute})
	wantReason(t, err, "OVERLOADED")
	if status.Code(err) != codes.ResourceExhausted {
		t.Error(err)
	}
	s.cxid = n + 2
	s.ok(closeCall())
	w.session(t, &apiv1.OpenSessionRequest{TimeoutMs: minute})
}

// Answers that are larger together than what may wait to be sent come all the same, whatever is behind them.
func TestLargeAnswers(t *testing.T) {
	w := run(t, vfs.NewMem(), nil)
	s := w.session(t, &apiv1.OpenSessionRequest{TimeoutMs: minute})
	s.ok(&apiv1.SessionCall{Op: &apiv1.SessionCall_Create{Create: &apiv1.CreateRequest{Path: "/large", Data: make([]byte, 1<<20)}}})
	var calls []*apiv1.SessionCall
	for i := range 4 {
		m := &apiv1.MultiRequest{}
		for j := range 10_000 {
			m.Ops = append(m.Ops, &apiv1.MultiOp{Op: &apiv1.MultiOp_Create{Create: &apiv1.CreateRequest{Path: fmt.Sprintf("/n%d-%d", i, j)}}})
		}
		calls = append(calls, &apiv1.SessionCall{Op: &apiv1.SessionCall_Multi{Multi: m}})
	}
	for range 4 {
		calls = append(calls, getCall("/large", false))
	}
	for _, c := range calls {
		s.send(c)
	}
	for i, c := range calls {
		a := s.answer()
		if a.GetCxid() != c.GetCxid() || i < 4 && len(a.GetMulti().GetResults()) != 10_000 || i >= 4 && len(a.GetGet().GetData()) != 1<<20 {
			t.Fatalf("answer %d: %d bytes", i, proto.Size(a))
		}
	}
	s.send(listCall("/", true))
	var names int
	for {
		a := s.answer()
		names += len(a.GetList().GetEntries())
		if !a.GetMore() {
			break
		}
	}
	if names != 40_002 {
		t.Errorf("%d names", names)
	}
}

// Identities add up on a stream, and permissions follow at once.
func TestAuthenticateOnAStream(t *testing.T) {
	w := run(t, vfs.NewMem(), nil)
	s := w.session(t, &apiv1.OpenSessionRequest{TimeoutMs: minute})
	login := func(scheme, credentials string) *apiv1.SessionCall {
		return &apiv1.SessionCall{Op: &apiv1.SessionCall_Authenticate{Authenticate: &apiv1.AuthenticateRequest{Scheme: scheme, Credentials: []byte(credentials)}}}
	}
	private := func() *apiv1.SessionCall {
		return &apiv1.SessionCall{Op: &apiv1.SessionCall_Create{Create: &apiv1.CreateRequest{Path: "/mine", Acl: []*apiv1.Ace{{Perms: 31, Scheme: "auth"}}}}}
	}
	s.fails(private(), "INVALID_ACL")
	s.fails(login("digest", "nobody"), "AUTH_FAILED")
	s.fails(login("kerberos", "ann:x"), "AUTH_FAILED")
	s.ok(login("digest", "ann:secret"))
	s.ok(private())
	s.ok(getCall("/mine", false))
	var who []string
	for _, id := range s.ok(&apiv1.SessionCall{Op: &apiv1.SessionCall_WhoAmI{WhoAmI: &apiv1.WhoAmIRequest{}}}).GetWhoAmI().GetIdentities() {
		who = append(who, id.GetScheme()+":"+id.GetId())
	}
	if fmt.Sprint(who) != "[ip:127.0.0.1 digest:ann]" {
		t.Error(who)
	}
	stranger := w.session(t, &apiv1.OpenSessionRequest{TimeoutMs: minute})
	stranger.fails(getCall("/mine", true), "NO_AUTH")
	stranger.ok(watchCall("/mine", apiv1.WatchMode_WATCH_MODE_PERSISTENT, 0))
	s.ok(setCall("/mine", "1"))
	stranger.ok(&apiv1.SessionCall{Op: &apiv1.SessionCall_Sync{Sync: &apiv1.SyncRequest{}}}) // and no event before it
}

// A server without a quorum answers reads to who is content with that, and says when there is more to be had.
func TestReadOnlyStream(t *testing.T) {
	peers := peersOn(t, 2, 0)
	fs := []vfs.FS{vfs.NewMem(), vfs.NewMem()}
	var all []*world
	for i := range peers {
		all = append(all, begin(t, member(t, peers, i+1, fs[i], nil)))
	}
	all[0].awaitHealth(t, "", healthv1.HealthCheckResponse_SERVING)
	s := all[0].session(t, &apiv1.OpenSessionRequest{TimeoutMs: minute, ReadOnly: true})
	if s.opened.GetReadOnly() || s.opened.GetSession() == 0 {
		t.Fatalf("with a quorum there is more: %v", s.opened)
	}
	s.ok(createCall("/a", persistent))
	if err := all[1].stop(); err != nil {
		t.Fatal(err)
	}
	var reads *sessionStream
	eventually(t, "a stream for reads only", func() bool {
		var err error
		reads, err = all[0].trySession(t, &apiv1.OpenSessionRequest{ReadOnly: true})
		return err == nil && reads.opened.GetReadOnly()
	})
	if reads.opened.GetSession() != 0 || reads.opened.GetCredential() != "" {
		t.Errorf("opened %v", reads.opened)
	}
	reads.ok(getCall("/a", true))
	reads.fails(createCall("/b", persistent), "READ_ONLY")
	_, err := all[0].trySession(t, &apiv1.OpenSessionRequest{})
	wantReason(t, err, "UNAVAILABLE")
	begin(t, member(t, peers, 2, fs[1], nil))
	wantReason(t, reads.ended(), "UNAVAILABLE")
}
