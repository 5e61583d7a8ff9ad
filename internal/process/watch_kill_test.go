package process_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/quorate/quorate/client"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/internal/process"
)

const (
	// watched is the node below which everything happens.
	watched = "/watched"
	// hopAfter is about how many events a mirror takes before it goes on with another server of its own accord.
	hopAfter = 2000
)

// TestWatchOverKills puts a subtree together from what recursive Watches tell, going from server to server while leaders are killed, and holds it
// against the tree at the end. Each event must fit what is there: none was lost and none told twice. QUORATE_TEST_TXNS and QUORATE_TEST_KILLS make
// it longer: 100,000 txns are the measure.
func TestWatchOverKills(t *testing.T) {
	txns, kills := int64(setting(t, "QUORATE_TEST_TXNS", 10_000)), int64(setting(t, "QUORATE_TEST_KILLS", 4))
	c := startCluster(t, process.Shape{Voters: 3})
	c.create(c.client(0), watched, nil)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()

	var acked atomic.Int64
	var writers, readers sync.WaitGroup
	writing, stopWriting := context.WithCancel(ctx)
	defer stopWriting()
	for i := range 12 {
		cl, rng := c.client(i), rand.New(rand.NewPCG(uint64(i), 4))
		writers.Go(func() { scribble(writing, t, cl, rng, &acked) })
	}
	mirrors := make([]*mirror, 3)
	for i := range mirrors {
		mirrors[i] = &mirror{c: c, server: i, rng: rand.New(rand.NewPCG(uint64(i), 5))}
		readers.Go(func() { mirrors[i].follow(ctx) })
	}
	for k := range kills {
		c.await("the next kill is due", func(process.View) bool { return acked.Load() >= (k+1)*txns/(kills+1) })
		c.leader().Kill()
		c.startAll()
	}
	c.await("all txns are made", func(process.View) bool { return acked.Load() >= txns })
	stopWriting()
	writers.Wait()
	want, end := c.tree(watched)
	for _, m := range mirrors {
		m.end.Store(end)
	}
	c.create(c.client(0), watched+"/end", nil) // so that they notice
	readers.Wait()
	for i, m := range mirrors {
		delete(m.nodes, watched+"/end")
		if !maps.Equal(m.nodes, want) || m.restarts != 0 {
			t.Errorf("mirror %d, begun anew %d times, has %d nodes at %v; the tree has %d at %v", i, m.restarts, len(m.nodes), client.Zxid(m.zxid), len(want), client.Zxid(end))
		}
		t.Logf("mirror %d: %d events of %d txns, on %d streams", i, m.events, acked.Load(), m.streams)
	}
}

// scribble makes random changes below watched until ctx ends, one a txn. It does not give up the last one: that could take effect after
// the tree was read.
func scribble(ctx context.Context, t *testing.T, cl *client.Client, rng *rand.Rand, acked *atomic.Int64) {
	for ctx.Err() == nil {
		call, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		err := scribbleOnce(call, cl.Keeper(), rng)
		cancel()
		switch {
		case err == nil:
			acked.Add(1)
		case passing(err):
			pause(ctx, retryPause)
		case !errors.Is(err, client.ErrNodeExists) && !errors.Is(err, client.ErrNoNode) && !errors.Is(err, client.ErrNoParent) && !errors.Is(err, client.ErrNotEmpty):
			t.Error(err)
			return
		}
	}
}

func scribbleOnce(ctx context.Context, k apiv1.KeeperClient, rng *rand.Rand) (err error) {
	path := fmt.Sprintf("%s/%02d", watched, rng.IntN(30))
	if rng.IntN(2) == 0 {
		path += fmt.Sprintf("/%02d", rng.IntN(10))
	}
	data := fmt.Append(nil, rng.IntN(1_000_000))
	create := &apiv1.CreateRequest{Path: path, Data: data}
	switch rng.IntN(8) {
	case 0, 1:
		_, err = k.Create(ctx, create)
	case 2:
		_, err = k.Delete(ctx, &apiv1.DeleteRequest{Path: path})
	case 3:
		_, err = k.Multi(ctx, &apiv1.MultiRequest{Ops: []*apiv1.MultiOp{
			{Op: &apiv1.MultiOp_Create{Create: create}},
			{Op: &apiv1.MultiOp_Set{Set: &apiv1.SetRequest{Path: path, Data: []byte("set")}}},
			{Op: &apiv1.MultiOp_Set{Set: &apiv1.SetRequest{Path: watched, Data: data}}},
		}})
	default:
		_, err = k.Set(ctx, &apiv1.SetRequest{Path: path, Data: data})
	}
	return err
}

// nodeState is a node without what its children change.
func nodeState(data []byte, s *apiv1.Stat) string {
	return fmt.Sprintf("%s v%d %d/%d", data, s.GetVersion(), s.GetCzxid(), s.GetMzxid())
}

// tree returns the nodes from one downwards, and the zxid at which they are so. Nobody writes meanwhile.
func (c *cluster) tree(path string) (nodes map[string]string, zxid uint64) {
	c.t.Helper()
	c.do("read the tree", func(ctx context.Context) error {
		linear := &apiv1.ReadOptions{Consistency: apiv1.Consistency_CONSISTENCY_LINEARIZABLE}
		root, err := c.leader().Client().Keeper().Get(ctx, &apiv1.GetRequest{Path: path, Options: linear})
		if err != nil {
			return err
		}
		nodes, zxid = map[string]string{path: nodeState(root.GetData(), root.GetStat())}, root.GetZxid()
		s, err := c.leader().Client().Keeper().List(ctx, &apiv1.ListRequest{Path: path, Recursive: true, View: apiv1.ListView_LIST_VIEW_DATA, Options: linear})
		if err != nil {
			return err
		}
		for {
			r, err := s.Recv()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			for _, e := range r.GetEntries() {
				nodes[path+"/"+e.GetName()] = nodeState(e.GetData(), e.GetStat())
			}
		}
	})
	return nodes, zxid
}

// mirror is the subtree as Watches tell it.
type mirror struct {
	c      *cluster
	server int // asked next
	rng    *rand.Rand
	end    atomic.Uint64 // not 0: it may stop there

	nodes map[string]string
	zxid  uint64              // all is told up to here
	ahead []*apiv1.WatchEvent // of a txn that has not been told to its end

	events, streams, restarts int
}

// follow follows the subtree, from one server to the next, to the end.
func (m *mirror) follow(ctx context.Context) {
	for ctx.Err() == nil && !m.done() {
		err := m.stream(ctx)
		switch {
		case err == nil || ctx.Err() != nil || passing(err):
		case errors.Is(err, client.ErrCompacted):
			m.zxid = 0
			m.restarts++
		default:
			m.c.t.Error(err)
			return
		}
		m.server = (m.server + 1) % len(m.c.Members)
		pause(ctx, retryPause)
	}
}

func (m *mirror) done() bool {
	end := m.end.Load()
	return end != 0 && m.zxid >= end
}

// stream follows on one server until that fails, or for a while.
func (m *mirror) stream(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &apiv1.WatchRequest{Path: watched, Recursive: true, WithData: true, AfterZxid: m.zxid}
	s, err := m.c.Members[m.server].Client().Keeper().Watch(ctx, r)
	if err != nil {
		return err
	}
	m.streams++
	if m.ahead = nil; m.zxid == 0 {
		m.nodes = map[string]string{} // a snapshot may have broken off
	}
	for until := m.events + hopAfter/2 + m.rng.IntN(hopAfter); m.events < until && !m.done(); {
		msg, err := s.Recv()
		if err != nil {
			return err
		}
		if err := m.take(msg); err != nil {
			return err
		}
	}
	return nil
}

// take takes a message. Events of a txn count once it has been told to its end.
func (m *mirror) take(r *apiv1.WatchResponse) error {
	for _, e := range r.GetEntries() {
		m.nodes[strings.TrimSuffix(watched+"/"+e.GetName(), "/")] = nodeState(e.GetData(), e.GetStat())
	}
	m.ahead = append(m.ahead, r.GetEvents()...)
	if r.GetMore() {
		return nil
	}
	for len(m.ahead) > 0 && m.ahead[0].GetZxid() <= r.GetZxid() {
		e := m.ahead[0]
		m.ahead = m.ahead[1:]
		m.events++
		_, there := m.nodes[e.GetPath()]
		if made := e.GetType() == apiv1.EventType_EVENT_TYPE_CREATED; made == there || e.GetZxid() <= m.zxid {
			return fmt.Errorf("server %d, up to %v: %v, and the node is there: %v", m.server+1, client.Zxid(m.zxid), e, there)
		}
		if e.GetType() == apiv1.EventType_EVENT_TYPE_DELETED {
			delete(m.nodes, e.GetPath())
		} else {
			m.nodes[e.GetPath()] = nodeState(e.GetData(), e.GetStat())
		}
	}
	if r.GetZxid() < m.zxid {
		return fmt.Errorf("server %d: told up to %v after %v", m.server+1, client.Zxid(r.GetZxid()), client.Zxid(m.zxid))
	}
	m.zxid = r.GetZxid()
	return nil
}
