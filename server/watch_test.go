package server

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/store/vfs"
)

// mirror is a subtree put together from what a Watch tells: path to data and the zxid that made it.
type mirror struct {
	path  string
	nodes map[string]string
	zxid  uint64 // all is told up to here
	last  uint64 // zxid of the last event
	told  int    // events

	stream apiv1.Keeper_WatchClient
	leave  context.CancelFunc
}

// watchFrom begins to mirror a subtree, or goes on where the mirror is.
func (m *mirror) watchFrom(t *testing.T, w *world) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	s, err := w.keeper.Watch(ctx, &apiv1.WatchRequest{Path: m.path, Recursive: true, WithData: true, AfterZxid: m.zxid})
	if err != nil {
		t.Fatal(err)
	}
	m.stream, m.leave = s, cancel
}

// next takes one message into the mirror. An event that does not fit what is there is an error: one was lost, or told twice.
func (m *mirror) next() error {
	r, err := m.stream.Recv()
	if err != nil {
		return err
	}
	if m.nodes == nil {
		m.nodes = map[string]string{}
	}
	for _, e := range r.GetEntries() {
		m.nodes[strings.TrimSuffix(m.path+"/"+e.GetName(), "/")] = nodeState(e.GetData(), e.GetStat())
	}
	for _, e := range r.GetEvents() {
		if err := m.take(e); err != nil {
			return err
		}
	}
	if r.GetMore() {
		return nil
	}
	if r.GetZxid() < m.zxid {
		return fmt.Errorf("told up to %d after %d", r.GetZxid(), m.zxid)
	}
	m.zxid = r.GetZxid()
	return nil
}

func (m *mirror) take(e *apiv1.WatchEvent) error {
	_, there := m.nodes[e.GetPath()]
	if made := e.GetType() == apiv1.EventType_EVENT_TYPE_CREATED; made == there || e.GetZxid() < m.last || e.GetZxid() <= m.zxid {
		return fmt.Errorf("%v: the node is there: %v; the event before was at %d, told was up to %d", e, there, m.last, m.zxid)
	}
	m.last = e.GetZxid()
	m.told++
	if e.GetType() == apiv1.EventType_EVENT_TYPE_DELETED {
		delete(m.nodes, e.GetPath())
		return nil
	}
	m.nodes[e.GetPath()] = nodeState(e.GetData(), e.GetStat())
	return nil
}

// nodeState is a node as a mirror has it: all of it but what its children change.
func nodeState(data []byte, s *apiv1.Stat) string {
	return fmt.Sprintf("%s v%d %d/%d", data, s.GetVersion(), s.GetCzxid(), s.GetMzxid())
}

// upTo takes messages until all up to a zxid has been told.
func (m *mirror) upTo(z uint64) error {
	for m.zxid < z {
		if err := m.next(); err != nil {
			return err
		}
	}
	return nil
}

// same fails unless the mirror has what the server has.
func (m *mirror) same(t *testing.T, w *world) {
	t.Helper()
	s, err := w.keeper.List(t.Context(), &apiv1.ListRequest{
		Path: m.path, Recursive: true, View: apiv1.ListView_LIST_VIEW_DATA, Options: &apiv1.ReadOptions{MinZxid: m.zxid},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for {
		r, err := s.Recv()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if r.GetStat() != nil {
			got, err := w.keeper.Get(t.Context(), &apiv1.GetRequest{Path: m.path})
			if err != nil {
				t.Fatal(err)
			}
			want[m.path] = nodeState(got.GetData(), got.GetStat())
		}
		for _, e := range r.GetEntries() {
			want[m.path+"/"+e.GetName()] = nodeState(e.GetData(), e.GetStat())
		}
	}
	if !maps.Equal(m.nodes, want) {
		t.Errorf("the mirror has %d nodes, the server %d, at %d: %v", len(m.nodes), len(want), m.zxid, difference(m.nodes, want))
	}
}

func difference(a, b map[string]string) (all []string) {
	for path := range a {
		if a[path] != b[path] {
			all = append(all, fmt.Sprintf("%s: %q, %q", path, a[path], b[path]))
		}
	}
	for path := range b {
		if _, there := a[path]; !there {
			all = append(all, fmt.Sprintf("%s: missing, %q", path, b[path]))
		}
	}
	slices.Sort(all)
	return all[:min(len(all), 10)]
}

// churn makes random changes below /m until stop says so, and returns the last zxid that was acknowledged.
func churn(w *world, rng *rand.Rand, stop func() bool) (last uint64) {
	ctx := context.Background()
	for !stop() {
		path := fmt.Sprintf("/m/%c", 'a'+rng.IntN(20))
		if rng.IntN(2) == 0 {
			path += fmt.Sprintf("/%c", 'a'+rng.IntN(5))
		}
		var z interface{ GetZxid() uint64 }
		var err error
		switch rng.IntN(4) {
		case 0:
			z, err = w.keeper.Create(ctx, &apiv1.CreateRequest{Path: path, Data: []byte("new")})
		case 1:
			z, err = w.keeper.Delete(ctx, &apiv1.DeleteRequest{Path: path})
		case 2:
			z, err = w.keeper.Set(ctx, &apiv1.SetRequest{Path: path, Data: fmt.Append(nil, rng.IntN(1000))})
		default:
			z, err = w.keeper.Multi(ctx, &apiv1.MultiRequest{Ops: []*apiv1.MultiOp{
				{Op: &apiv1.MultiOp_Set{Set: &apiv1.SetRequest{Path: "/m", Data: []byte(path)}}},
				{Op: &apiv1.MultiOp_Create{Create: &apiv1.CreateRequest{Path: path, Data: []byte("multi")}}},
				{Op: &apiv1.MultiOp_Set{Set: &apiv1.SetRequest{Path: path, Data: []byte("set")}}},
			}})
		}
		if err == nil {
			last = max(last, z.GetZxid())
		}
	}
	return last
}

// times returns a stop for churn: after so many rounds.
func times(n int) func() bool {
	return func() bool { n--; return n < 0 }
}

// Snapshot and events give the very tree, whatever is written meanwhile, over disconnects and a restart of the server: what recovery replays is
// what the client has not seen.
func TestWatchMirrorsATree(t *testing.T) {
	fs := vfs.NewMem()
	w := run(t, fs, nil)
	w.create(t, &apiv1.CreateRequest{Path: "/m"})
	churn(w, rand.New(rand.NewPCG(1, 1)), times(200))
	m := &mirror{path: "/m"}
	for round := range 6 {
		if round == 4 {
			if err := w.stop(); err != nil {
				t.Fatal(err)
			}
			w = run(t, fs, nil)
		}
		var writers sync.WaitGroup
		var last [3]uint64
		for i := range last {
			writers.Go(func() { last[i] = churn(w, rand.New(rand.NewPCG(uint64(round), uint64(i))), times(150)) })
		}
		m.watchFrom(t, w)
		var written atomic.Bool
		go func() { writers.Wait(); written.Store(true) }()
		for n := 0; n < 20 && !written.Load(); n++ { // and some more when it comes back
			if err := m.next(); err != nil {
				t.Fatal(err)
			}
		}
		if round%2 == 1 {
			m.leave()
			writers.Wait()
			continue
		}
		writers.Wait()
		if err := m.upTo(slices.Max(last[:])); err != nil {
			t.Fatal(err)
		}
		m.same(t, w)
		m.leave()
	}
	m.watchFrom(t, w)
	z := churn(w, rand.New(rand.NewPCG(9, 9)), times(50))
	if err := m.upTo(z); err != nil {
		t.Fatal(err)
	}
	if m.same(t, w); m.told < 500 {
		t.Errorf("only %d events", m.told)
	}
}

// Whoever asks for what has been forgotten is told so, and from where he could begin.
func TestWatchSaysThatItWasCompacted(t *testing.T) {
	w := run(t, vfs.NewMem(), func(c *config.Config) { c.WatchHistory = 1 << 20 })
	first := w.create(t, &apiv1.CreateRequest{Path: "/m"}).GetZxid()
	var last uint64
	for range 20 {
		set, err := w.keeper.Set(t.Context(), &apiv1.SetRequest{Path: "/m", Data: make([]byte, 100<<10)})
		if err != nil {
			t.Fatal(err)
		}
		last = set.GetZxid()
	}
	s, err := w.keeper.Watch(t.Context(), &apiv1.WatchRequest{Path: "/m", AfterZxid: first})
	if err == nil {
		_, err = s.Recv()
	}
	if status.Code(err) != codes.OutOfRange {
		t.Errorf("got %v", err)
	}
	wantReason(t, err, "COMPACTED")
	_, meta := reason(err)
	var base uint64
	if _, err := fmt.Sscan(meta["zxid"], &base); err != nil || base <= first || base >= last {
		t.Fatalf("could begin after %q: %v", meta["zxid"], err)
	}
	m := &mirror{path: "/m", zxid: base, nodes: map[string]string{"/m": ""}}
	m.watchFrom(t, w)
	if err := m.upTo(last); err != nil || uint64(m.told) != last-base {
		t.Errorf("%d events after %d up to %d: %v", m.told, base, last, err)
	}
}

// A client that does not read costs the server no memory, and is cut when it does read.
func TestWatchCutsAClientThatDoesNotRead(t *testing.T) {
	w := run(t, vfs.NewMem(), func(c *config.Config) { c.WatchHistory = 1 << 20 })
	w.create(t, &apiv1.CreateRequest{Path: "/m"})
	m := &mirror{path: "/m"}
	m.watchFrom(t, dial(t, w.Node, grpc.WithInitialWindowSize(64<<10))) // a window that grows could take in all there is
	if err := m.next(); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if _, err := w.keeper.Set(t.Context(), &apiv1.SetRequest{Path: "/m", Data: make([]byte, 100<<10)}); err != nil {
			t.Fatal(err)
		}
	}
	if st := w.watches.Stats(); st.Bytes > 1<<20 {
		t.Errorf("holds %+v", st)
	}
	var err error
	for err == nil {
		err = m.next()
	}
	wantReason(t, err, "COMPACTED")
	eventually(t, "the cursor goes", func() bool { return w.watches.Stats().Cursors == 0 })
}

// A server that stops ends the streams at once, and says why; it does not wait for one whose client does not read.
func TestDrainingEndsWatches(t *testing.T) {
	w := run(t, vfs.NewMem(), nil)
	w.create(t, &apiv1.CreateRequest{Path: "/m"})
	all := make([]*mirror, 3)
	for i := range all {
		all[i] = &mirror{path: "/m"}
		all[i].watchFrom(t, w)
		if err := all[i].next(); err != nil {
			t.Fatal(err)
		}
	}
	session := w.session(t, &apiv1.OpenSessionRequest{TimeoutMs: minute})
	blocked := all[2]
	for range 10 {
		if _, err := w.keeper.Set(t.Context(), &apiv1.SetRequest{Path: "/m", Data: make([]byte, 200<<10)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	if w.cutOff.Load() {
		t.Error("stopping waited for the streams until its time was up")
	}
	for _, m := range all {
		var err error
		for err == nil {
			err = m.next()
		}
		if m == blocked && status.Code(err) == codes.Canceled {
			continue // cut off
		}
		if status.Code(err) != codes.Unavailable {
			t.Errorf("got %v", err)
		}
	}
	if err := session.ended(); status.Code(err) != codes.Unavailable {
		t.Errorf("the session's stream: %v", err)
	}
}

// A Watch on a server that is behind what its client has seen elsewhere waits a moment, and then says so.
func TestWatchAheadOfTheServer(t *testing.T) {
	w := run(t, vfs.NewMem(), nil)
	z := w.create(t, &apiv1.CreateRequest{Path: "/m"}).GetZxid()
	s, err := w.keeper.Watch(t.Context(), &apiv1.WatchRequest{Path: "/m", AfterZxid: z + 1000})
	if err == nil {
		_, err = s.Recv()
	}
	wantReason(t, err, "UNAVAILABLE")
	m := &mirror{path: "/m", zxid: z + 1, nodes: map[string]string{"/m": ""}}
	m.watchFrom(t, w)
	for range 2 {
		if _, err := w.keeper.Set(t.Context(), &apiv1.SetRequest{Path: "/m"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.upTo(z + 2); err != nil || m.told != 1 {
		t.Errorf("%d events: %v", m.told, err)
	}
}

func TestWatchesAreBounded(t *testing.T) {
	w := run(t, vfs.NewMem(), func(c *config.Config) { c.MaxWatchStreams = 1 })
	m := &mirror{path: "/m"}
	m.watchFrom(t, w)
	if err := m.next(); err != nil {
		t.Fatal(err)
	}
	refused := &mirror{path: "/m"}
	refused.watchFrom(t, w)
	wantReason(t, refused.next(), "OVERLOADED")
	m.leave()
	eventually(t, "room for another", func() bool {
		again := &mirror{path: "/m"}
		again.watchFrom(t, w)
		defer again.leave()
		return again.next() == nil
	})
}
