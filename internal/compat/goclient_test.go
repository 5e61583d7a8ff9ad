package compat_test

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/quorate/quorate/internal/process"
)

// clientTimeout of a session: the longest that the servers of [settings] grant, since a client that a busy machine lets stand still must not lose it.
const clientTimeout = 20 * tickMillis * time.Millisecond

// open is an ACL that lets everybody do everything.
var open = zk.WorldACL(zk.PermAll)

// quiet is a logger that says nothing.
type quiet struct{}

func (quiet) Printf(string, ...any) {}

// wire hands out connections that a test can cut.
type wire struct {
	sync.Mutex
	cut   bool // no more connections; guarded by the mutex, as the next
	conns []net.Conn
}

func (w *wire) dial(network, addr string, timeout time.Duration) (net.Conn, error) {
	w.Lock()
	defer w.Unlock()
	if w.cut {
		return nil, errors.New("cut")
	}
	c, err := net.DialTimeout(network, addr, timeout)
	if err == nil {
		w.conns = append(w.conns, c)
	}
	return c, err
}

// set cuts all connections, and lets new ones be made or not.
func (w *wire) set(cut bool) {
	w.Lock()
	defer w.Unlock()
	w.cut = cut
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
}

// goClient is a session of github.com/go-zookeeper/zk.
type goClient struct {
	*zk.Conn
	wire   *wire
	states chan zk.State
}

// connect opens a session with any of some servers.
func connect(t *testing.T, addrs ...string) *goClient {
	t.Helper()
	c := &goClient{wire: &wire{}, states: make(chan zk.State, 1000)}
	noted := zk.WithEventCallback(func(e zk.Event) {
		if e.Type == zk.EventSession {
			c.states <- e.State
		}
	})
	conn, _, err := zk.Connect(addrs, clientTimeout, zk.WithLogger(quiet{}), zk.WithDialer(c.wire.dial), noted)
	if err != nil {
		t.Fatal(err)
	}
	c.Conn = conn
	t.Cleanup(conn.Close)
	c.await(t, zk.StateHasSession)
	return c
}

// await returns when the session has come to a state.
func (c *goClient) await(t *testing.T, want zk.State) {
	t.Helper()
	for limit := time.After(patience); ; {
		select {
		case s := <-c.states:
			if s == want {
				return
			}
		case <-limit:
			t.Fatalf("the session does not come to %v", want)
		}
	}
}

func (c *goClient) create(t *testing.T, path, data string, flags int32) string {
	t.Helper()
	got, err := c.Create(path, []byte(data), flags, open)
	if err != nil {
		t.Fatalf("create %s: %v", path, err)
	}
	return got
}

// event waits for the next event of a watch.
func event(t *testing.T, events <-chan zk.Event, want zk.EventType, path string) {
	t.Helper()
	select {
	case e := <-events:
		if e.Err != nil || e.Type != want || e.Path != path {
			t.Errorf("event %+v, want %v of %s", e, want, path)
		}
	case <-time.After(patience):
		t.Fatalf("no %v of %s", want, path)
	}
}

// must fails unless err is nil.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantErr fails unless err is want.
func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%v, want %v", err, want)
	}
}

// TestGoClient lets the client for Go do what its users do, against three servers.
func TestGoClient(t *testing.T) {
	e := startEnsemble(t)
	for name, try := range map[string]func(*testing.T, *process.Ensemble){
		"nodes": goNodes, "access": goAccess, "watches": goWatches, "reconnect": goReconnect, "locks": goLocks, "expiry": goExpiry,
	} {
		t.Run(name, func(t *testing.T) { try(t, e) })
	}
	t.Run("leader killed", func(t *testing.T) { goLeaderKilled(t, e) })
}

func goNodes(t *testing.T, e *process.Ensemble) {
	c := connect(t, e.Servers(0)...)
	c.create(t, "/n", "0", 0)
	_, err := c.Create("/n", nil, 0, open)
	wantErr(t, err, zk.ErrNodeExists)
	_, err = c.Create("/none/x", nil, 0, open)
	wantErr(t, err, zk.ErrNoNode)
	data, stat, err := c.Get("/n")
	must(t, err)
	if string(data) != "0" || stat.Version != 0 || stat.DataLength != 1 {
		t.Errorf("%q %+v", data, stat)
	}
	_, err = c.Set("/n", []byte("1"), 7)
	wantErr(t, err, zk.ErrBadVersion)
	stat, err = c.Set("/n", []byte("1"), 0)
	must(t, err)
	if stat.Version != 1 {
		t.Errorf("%+v", stat)
	}
	if got := c.create(t, "/n/s-", "", zk.FlagSequence); got != "/n/s-0000000000" {
		t.Error(got)
	}
	if got := c.create(t, "/n/e-", "", zk.FlagSequence|zk.FlagEphemeral); got != "/n/e-0000000001" {
		t.Error(got)
	}
	protected, err := c.CreateProtectedEphemeralSequential("/n/p-", nil, open)
	must(t, err)
	_, err = c.CreateContainer("/n/c", nil, zk.FlagTTL, open)
	if err == nil {
		t.Error("a container with the flag of a time to live")
	}
	_, err = c.CreateTTL("/n/t", nil, zk.FlagTTL, open, time.Hour)
	must(t, err)
	names, stat, err := c.Children("/n")
	must(t, err)
	if len(names) != 4 || stat.NumChildren != 4 || !slices.Contains(names, protected[len("/n/"):]) {
		t.Errorf("%v %+v", names, stat)
	}
	wantErr(t, c.Delete("/n", -1), zk.ErrNotEmpty)
	for _, name := range names {
		must(t, c.Delete("/n/"+name, -1))
	}
	_, err = c.Sync("/n")
	must(t, err)
	results, err := c.Multi(
		&zk.CreateRequest{Path: "/n/m", Acl: open}, &zk.SetDataRequest{Path: "/n/m", Data: []byte("x"), Version: 0},
		&zk.CheckVersionRequest{Path: "/n/m", Version: 1}, &zk.DeleteRequest{Path: "/n/m", Version: 1})
	must(t, err)
	if len(results) != 4 || results[0].String != "/n/m" || results[1].Stat.Version != 1 {
		t.Errorf("%+v", results)
	}
	results, err = c.Multi(&zk.CreateRequest{Path: "/n/m", Acl: open}, &zk.DeleteRequest{Path: "/n/none", Version: -1})
	wantErr(t, err, zk.ErrNoNode)
	if len(results) != 2 || !errors.Is(results[1].Error, zk.ErrNoNode) {
		t.Errorf("%+v", results)
	}
	there, _, err := c.Exists("/n/m")
	must(t, err)
	if there {
		t.Error("half of a multi was done")
	}
	must(t, c.Delete("/n", -1))
}

func goAccess(t *testing.T, e *process.Ensemble) {
	owner, other, super := connect(t, e.Servers(0)...), connect(t, e.Servers(1)...), connect(t, e.Servers(2)...)
	must(t, owner.AddAuth("digest", []byte("me:pw")))
	_, err := owner.Create("/acl", []byte("x"), 0, zk.AuthACL(zk.PermAll))
	must(t, err)
	acl, _, err := owner.GetACL("/acl")
	must(t, err)
	if want := zk.DigestACL(zk.PermAll, "me", "pw"); !slices.Equal(acl, want) {
		t.Errorf("%v, want %v", acl, want)
	}
	_, err = other.Sync("/acl")
	must(t, err)
	_, _, err = other.Get("/acl")
	wantErr(t, err, zk.ErrNoAuth)
	_, err = other.Set("/acl", nil, -1)
	wantErr(t, err, zk.ErrNoAuth)
	_, err = other.Create("/acl2", nil, 0, nil)
	wantErr(t, err, zk.ErrInvalidACL)
	must(t, other.AddAuth("digest", []byte("me:pw")))
	_, _, err = other.Get("/acl")
	must(t, err)
	must(t, super.AddAuth("digest", []byte("super:secret")))
	_, err = super.SetACL("/acl", zk.WorldACL(zk.PermRead), -1)
	must(t, err)
	_, err = owner.Sync("/acl")
	must(t, err)
	_, err = owner.Set("/acl", nil, -1)
	wantErr(t, err, zk.ErrNoAuth)
	must(t, super.Delete("/acl", -1))
}

func goWatches(t *testing.T, e *process.Ensemble) {
	c, other := connect(t, e.Servers(0)...), connect(t, e.Servers(1)...)
	there, _, created, err := c.ExistsW("/w")
	must(t, err)
	if there {
		t.Fatal("/w is there")
	}
	other.create(t, "/w", "0", 0)
	event(t, created, zk.EventNodeCreated, "/w")
	_, _, changed, err := c.GetW("/w")
	must(t, err)
	_, err = other.Set("/w", []byte("1"), -1)
	must(t, err)
	event(t, changed, zk.EventNodeDataChanged, "/w")
	if data, _, err := c.Get("/w"); err != nil || string(data) != "1" {
		t.Errorf("after the event: %q, %v", data, err)
	}
	_, _, children, err := c.ChildrenW("/w")
	must(t, err)
	other.create(t, "/w/c", "", 0)
	event(t, children, zk.EventNodeChildrenChanged, "/w")
	_, _, gone, err := c.GetW("/w/c")
	must(t, err)
	must(t, other.Delete("/w/c", -1))
	event(t, gone, zk.EventNodeDeleted, "/w/c")
	must(t, other.Delete("/w", -1))
}

// goReconnect cuts a client off, changes what it watches, and lets it come back to whatever server.
func goReconnect(t *testing.T, e *process.Ensemble) {
	c, other := connect(t, e.Servers(0)...), connect(t, e.Servers(1)...)
	other.create(t, "/r", "0", 0)
	c.create(t, "/r/e", "", zk.FlagEphemeral)
	session := c.SessionID()
	_, _, changed, err := c.GetW("/r")
	must(t, err)
	_, _, created, err := c.ExistsW("/r/none")
	must(t, err)
	_, _, children, err := c.ChildrenW("/r")
	must(t, err)
	_, _, unchanged, err := c.GetW("/r/e")
	must(t, err)
	c.wire.set(true)
	_, err = other.Set("/r", []byte("1"), -1)
	must(t, err)
	other.create(t, "/r/none", "", 0)
	c.wire.set(false)
	c.await(t, zk.StateHasSession)
	event(t, changed, zk.EventNodeDataChanged, "/r")
	event(t, created, zk.EventNodeCreated, "/r/none")
	event(t, children, zk.EventNodeChildrenChanged, "/r")
	_, err = other.Set("/r/e", []byte("1"), -1)
	must(t, err)
	event(t, unchanged, zk.EventNodeDataChanged, "/r/e")
	if got := c.SessionID(); got != session {
		t.Errorf("the session is %#x and was %#x", got, session)
	}
	for _, path := range []string{"/r/e", "/r/none", "/r"} {
		must(t, c.Delete(path, -1))
	}
}

// goLocks lets some clients count to a number under a lock, each with a read and a write that nothing else protects.
func goLocks(t *testing.T, e *process.Ensemble) {
	const clients, rounds = 4, 10
	first := connect(t, e.Servers(0)...)
	first.create(t, "/count", "0", 0)
	var all sync.WaitGroup
	for i := range clients {
		c := connect(t, e.Servers(i)...)
		all.Go(func() {
			for range rounds {
				if err := countUnderLock(c); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	_, err := first.Sync("/count")
	must(t, err)
	if data, _, err := first.Get("/count"); err != nil || string(data) != strconv.Itoa(clients*rounds) {
		t.Errorf("%d counted to %s, %v", clients*rounds, data, err)
	}
	must(t, first.Delete("/count", -1))
}

func countUnderLock(c *goClient) error {
	l := zk.NewLock(c.Conn, "/lock", open)
	if err := l.Lock(); err != nil {
		return err
	}
	if _, err := c.Sync("/count"); err != nil {
		return err
	}
	data, _, err := c.Get("/count")
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(string(data))
	if err != nil {
		return err
	}
	if _, err := c.Set("/count", []byte(strconv.Itoa(n+1)), -1); err != nil {
		return err
	}
	return l.Unlock()
}

// goExpiry cuts a client off until its session has expired.
func goExpiry(t *testing.T, e *process.Ensemble) {
	c, other := connect(t, e.Servers(0)...), connect(t, e.Servers(1)...)
	c.create(t, "/x", "", zk.FlagEphemeral)
	_, err := other.Sync("/x")
	must(t, err)
	there, _, gone, err := other.ExistsW("/x")
	must(t, err)
	if !there {
		t.Fatal("/x is not there")
	}
	session := c.SessionID()
	c.wire.set(true)
	event(t, gone, zk.EventNodeDeleted, "/x")
	c.wire.set(false)
	c.await(t, zk.StateExpired)
	c.await(t, zk.StateHasSession)
	if c.SessionID() == session {
		t.Error("the session that expired is open again")
	}
	c.create(t, "/x", "", zk.FlagEphemeral)
	c.Close()
	other.awaitGone(t, "/x")
}

// awaitGone returns when a node is not there.
func (c *goClient) awaitGone(t *testing.T, path string) {
	t.Helper()
	there, _, gone, err := c.ExistsW(path)
	must(t, err)
	if there {
		event(t, gone, zk.EventNodeDeleted, path)
	}
}

// goLeaderKilled kills the leader twice under clients that write: none of them loses its session, nothing that was
// acknowledged is lost, and nothing is there twice.
func goLeaderKilled(t *testing.T, e *process.Ensemble) {
	const clients, kills = 3, 2
	watcher := connect(t, e.Servers(0)...)
	watcher.create(t, "/k", "", 0)
	stop := make(chan struct{})
	var all sync.WaitGroup
	writers := make([]*kwriter, clients)
	for i := range writers {
		w := &kwriter{goClient: connect(t, e.Servers(i)...), id: i}
		w.create(t, fmt.Sprintf("/k/session-%d", i), "", zk.FlagEphemeral)
		w.session, writers[i] = w.SessionID(), w
		all.Go(func() { w.run(stop) })
	}
	for range kills {
		m := killLeader(t, e)
		if _, err := e.Await(within(t), "another leads", func(v process.View) bool { return v.Leader() != nil && v.Leader().GetId() != m.ID }); err != nil {
			t.Fatal(err)
		}
		watcher.progress(t)
		restart(t, m)
	}
	close(stop)
	all.Wait()
	_, err := watcher.Sync("/k")
	must(t, err)
	names, _, err := watcher.Children("/k")
	must(t, err)
	for _, w := range writers {
		w.check(t, watcher, names)
	}
}

// progress returns when a write succeeds.
func (c *goClient) progress(t *testing.T) {
	t.Helper()
	for ctx := within(t); ctx.Err() == nil; {
		if _, err := c.Set("/k", nil, -1); err == nil {
			return
		}
	}
	t.Fatal("nobody can write")
}

// kwriter creates sequential nodes, one after the other.
type kwriter struct {
	*goClient
	id      int
	session int64
	acked   []string          // the nodes whose creation was acknowledged
	value   map[string]string // what they were created with
	err     error             // that is none of a lost connection
}

func (w *kwriter) run(stop <-chan struct{}) {
	w.value = map[string]string{}
	for n := 0; w.err == nil; n++ {
		select {
		case <-stop:
			return
		default:
		}
		value := fmt.Sprintf("%d-%d", w.id, n)
		path, err := w.Create(fmt.Sprintf("/k/%d-", w.id), []byte(value), zk.FlagSequence, open)
		switch {
		case err == nil:
			w.acked, w.value[path] = append(w.acked, path), value
		case !errors.Is(err, zk.ErrConnectionClosed) && !errors.Is(err, zk.ErrNoServer):
			w.err = err
		}
	}
}

// check holds what is there to what was acknowledged.
func (w *kwriter) check(t *testing.T, reader *goClient, names []string) {
	t.Helper()
	if w.err != nil || w.SessionID() != w.session || !slices.Contains(names, fmt.Sprintf("session-%d", w.id)) {
		t.Errorf("writer %d: %v; the session is %#x and was %#x", w.id, w.err, w.SessionID(), w.session)
	}
	if !slices.IsSorted(w.acked) || len(w.acked) == 0 {
		t.Errorf("writer %d: the names of %d nodes do not grow", w.id, len(w.acked))
	}
	times := map[string]int{}
	for _, name := range names {
		data, _, err := reader.Get("/k/" + name)
		must(t, err)
		times[string(data)]++
	}
	for _, path := range w.acked {
		if value := w.value[path]; times[value] != 1 || !slices.Contains(names, path[len("/k/"):]) {
			t.Errorf("writer %d: %s was acknowledged, and is there %d times", w.id, path, times[value])
		}
	}
	t.Logf("writer %d: %d nodes", w.id, len(w.acked))
}
