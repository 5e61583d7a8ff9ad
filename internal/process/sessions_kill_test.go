package process_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/internal/process"
)

const (
	// authors is how many sessions write, and ahead how many writes each has on its way.
	authors, ahead = 8, 24
	// sessionLife is far more than a failover takes, on a busy machine too.
	sessionLife = 30 * time.Second
)

// TestSessionsOverKills has sessions write, many requests ahead of the answers, while leaders are killed and cut off and connections lost, and holds the tree
// against what each of them was told. QUORATE_TEST_TXNS and QUORATE_TEST_KILLS make it longer.
func TestSessionsOverKills(t *testing.T) {
	txns, kills := int64(setting(t, "QUORATE_TEST_TXNS", 10_000)), setting(t, "QUORATE_TEST_KILLS", 3)
	c := startCluster(t, process.Shape{Voters: 3, Wired: true})
	fresh := c.client(0)
	var all []*author
	var clients []*reach
	for i := range authors {
		clients = append(clients, c.reach(i))
		all = append(all, newAuthor(c, fresh, clients[i].Client, i))
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var told atomic.Int64
	var writing sync.WaitGroup
	for _, a := range all {
		writing.Go(func() { a.write(ctx, &told) })
	}
	c.harass(clients, &told, txns, kills)
	stop()
	writing.Wait()
	if t.Failed() {
		return
	}
	unknown, failed := 0, 0
	for i, a := range all {
		if i%2 == 0 {
			if err := a.s.Close(t.Context()); err != nil {
				t.Errorf("%s: close: %v", a.dir, err)
			}
		}
		a.verify(fresh, i%2 != 0)
		unknown, failed = unknown+a.unknown, failed+a.failed
	}
	t.Logf("%d writes; of %d the outcome stayed unknown, %d were refused", told.Load(), unknown, failed)
	if int64(unknown) > told.Load()/10 {
		t.Errorf("the outcome of %d of %d writes is unknown, which should be rare", unknown, told.Load())
	}
}

// author is a session that writes into a node of its own, and what it was told.
type author struct {
	c    *cluster
	s    *client.Session
	dir  string
	told []outcome // of its writes, in their order

	unknown, failed int
}

// outcome is what became of a write.
type outcome struct {
	client.Result
	err error
}

func newAuthor(c *cluster, fresh, own *client.Client, i int) *author {
	c.t.Helper()
	a := &author{c: c, dir: fmt.Sprintf("/author-%d", i)}
	s, err := own.OpenSession(c.t.Context(), client.SessionTimeout(sessionLife))
	if err != nil {
		c.t.Fatal(err)
	}
	a.s = s
	c.create(fresh, a.dir, nil)
	c.create(fresh, a.dir+"/count", nil)
	if _, err := s.Create(c.t.Context(), a.dir+"/alive", nil, client.Ephemeral()); err != nil {
		c.t.Fatal(err)
	}
	return a
}

// write writes until ctx ends, and then waits for what is on its way.
func (a *author) write(ctx context.Context, told *atomic.Int64) {
	life := a.c.t.Context()
	var pending []*client.Pending
	settle := func(most int) {
		for ; len(pending) > most; pending = pending[1:] {
			a.note(pending[0].Wait(life))
			told.Add(1)
		}
	}
	for n := 0; ctx.Err() == nil && a.s.Err() == nil; n++ {
		d := deedOf(n)
		if d == multi {
			results, err := a.s.Multi(life, client.CreateOp(a.path("m", n), nil), client.CreateOp(a.path("d", n), nil), client.SetOp(a.dir+"/count", nil))
			o := outcome{err: err}
			if err == nil {
				o.Result = results[0]
			}
			settle(0)
			a.note(o.Result, o.err)
			told.Add(1)
			continue
		}
		p, err := a.s.Start(life, a.op(d, n))
		if err != nil {
			a.c.t.Errorf("%s: write %d: %v", a.dir, n, err)
			return
		}
		pending = append(pending, p)
		settle(ahead)
	}
	settle(0)
	if err := a.s.Err(); err != nil {
		a.c.t.Errorf("%s: the session was lost: %v", a.dir, err)
	}
}

// note notes what became of the next write. All of them make sense: there is no way to fail but for a server that does not carry them out.
func (a *author) note(r client.Result, err error) {
	switch {
	case errors.Is(err, client.ErrUnknownOutcome):
		a.unknown++
	case errors.Is(err, client.ErrUnavailable):
		a.failed++
	case err != nil && !a.misses(len(a.told), err):
		a.c.t.Errorf("%s: write %d: %v", a.dir, len(a.told), err)
	}
	a.told = append(a.told, outcome{r, err})
}

// misses tells whether a write failed because that was refused which it stands on.
func (a *author) misses(n int, err error) bool {
	var on int
	switch deedOf(n) {
	case set:
		on = n - 1
	case remove:
		on = n - round + 1
	default:
		return false
	}
	return errors.Is(err, client.ErrNoNode) && a.told[on].err != nil && !errors.Is(a.told[on].err, client.ErrUnknownOutcome)
}

// deed is what a write does.
type deed int

const (
	create     deed = iota // a node of its own
	set                    // of the node that the write before has created
	sequential             // a node of its own
	remove                 // one of the two nodes that the multi of the round before has created
	multi                  // creates two nodes and changes a third
)

// round is how many writes there are before it begins anew.
const round = 20

// deedOf says what the n-th write does.
func deedOf(n int) deed {
	switch r := n % round; {
	case r == round-1:
		return multi
	case r == round-2 && n > round:
		return remove
	case r >= round-3:
		return sequential
	case r%2 == 1:
		return set
	}
	return create
}

func (a *author) path(what string, n int) string { return fmt.Sprintf("%s/%s-%07d", a.dir, what, n) }

// op is the n-th write, unless it is a multi.
func (a *author) op(d deed, n int) client.Op {
	data := strconv.AppendInt(nil, int64(n), 10)
	switch d {
	case set:
		return client.SetOp(a.path("a", n-1), data)
	case sequential:
		return client.CreateOp(a.dir+"/q-", data, client.Sequential())
	case remove:
		return client.DeleteOp(a.path("d", n-round+1))
	}
	return client.CreateOp(a.path("a", n), data)
}

// verify holds the tree against what the author was told.
func (a *author) verify(fresh *client.Client, alive bool) {
	t := a.c.t
	t.Helper()
	e := a.evidence(fresh)
	if there, owned := e.nodes["alive"]; owned != alive || owned && there.Stat.Owner != a.s.ID() {
		t.Errorf("%s: the session's ephemeral node is there: %v (%+v), want %v", a.dir, owned, there.Stat, alive)
	}
	var last client.Zxid
	multis, missing := int32(0), -1
	for n, o := range a.told {
		took, zxid := e.of(a, n)
		switch {
		case o.err == nil && !took:
			t.Errorf("%s: write %d was acknowledged at %v, and is not there", a.dir, n, o.Zxid)
		case o.err == nil && zxid != 0 && zxid != o.Zxid:
			t.Errorf("%s: write %d was acknowledged at %v, and took effect at %v", a.dir, n, o.Zxid, zxid)
		case o.err != nil && !errors.Is(o.err, client.ErrUnknownOutcome):
			if took {
				t.Errorf("%s: write %d took effect at %v, though it failed: %v", a.dir, n, zxid, o.err)
			}
			continue
		}
		if !took {
			missing = n
			continue
		}
		if missing >= 0 {
			t.Errorf("%s: write %d took effect, and %d did not", a.dir, n, missing)
		}
		if zxid = max(zxid, o.Zxid); zxid != 0 && zxid <= last {
			t.Errorf("%s: write %d took effect at %v, and one before it at %v", a.dir, n, zxid, last)
		}
		last = max(last, zxid)
		if deedOf(n) == multi {
			multis++
		}
		a.verifyResult(n, o)
	}
	if v := e.nodes["count"].Stat.Version; v != multis {
		t.Errorf("%s: %d multis took effect, and set the node %d times", a.dir, multis, v)
	}
}

// verifyResult looks at what was answered beside the zxid.
func (a *author) verifyResult(n int, o outcome) {
	want := map[deed]string{create: a.path("a", n), set: a.path("a", n-1), multi: a.path("m", n), remove: a.path("d", n-round+1)}
	version := map[deed]int32{set: 1}
	switch d := deedOf(n); {
	case o.err != nil:
	case d != sequential && o.Path != want[d]:
		a.c.t.Errorf("%s: write %d was answered with the path %s, want %s", a.dir, n, o.Path, want[d])
	case o.Stat.Version != version[d] && o.Stat.Version != client.UnknownVersion:
		a.c.t.Errorf("%s: write %d was answered with version %d, want %d", a.dir, n, o.Stat.Version, version[d])
	}
}

// evidence is what is left of an author's writes.
type evidence struct {
	nodes      map[string]client.Entry
	sequential map[int]client.Entry // by the number of the write
}

func (a *author) evidence(fresh *client.Client) evidence {
	t := a.c.t
	t.Helper()
	e := evidence{nodes: map[string]client.Entry{}, sequential: map[int]client.Entry{}}
	for entry, err := range fresh.List(t.Context(), a.dir, client.WithData(), client.Linearizable()) {
		if err != nil {
			t.Fatal(err)
		}
		e.nodes[entry.Name] = entry
		if !strings.HasPrefix(entry.Name, "q-") {
			continue
		}
		n, err := strconv.Atoi(string(entry.Data))
		if other, twice := e.sequential[n]; twice || err != nil {
			t.Errorf("%s: write %d took effect twice, as %s and as %s (%v)", a.dir, n, entry.Name, other.Name, err)
		}
		e.sequential[n] = entry
	}
	return e
}

// of tells whether the n-th write took effect, and at which zxid if that can be seen.
func (e evidence) of(a *author, n int) (took bool, zxid client.Zxid) {
	node := func(what string, n int) (client.Entry, bool) {
		entry, there := e.nodes[a.path(what, n)[len(a.dir)+1:]]
		return entry, there
	}
	switch deedOf(n) {
	case set:
		entry, there := node("a", n-1)
		if entry.Stat.Version > 1 {
			a.c.t.Errorf("%s: write %d took effect %d times", a.dir, n, entry.Stat.Version)
		}
		return there && entry.Stat.Version > 0, entry.Stat.Mzxid // which is the creation's if there was no set
	case sequential:
		entry, there := e.sequential[n]
		if there && a.told[n].err == nil && a.told[n].Path != a.dir+"/"+entry.Name {
			a.c.t.Errorf("%s: write %d was answered with the path %s, and is at %s", a.dir, n, a.told[n].Path, entry.Name)
		}
		return there, entry.Stat.Czxid
	case remove:
		_, made := node("m", n-round+1)
		_, there := node("d", n-round+1)
		return made && !there, 0
	case multi:
		entry, there := node("m", n)
		return there, entry.Stat.Czxid
	}
	entry, there := node("a", n)
	return there, entry.Stat.Czxid
}
