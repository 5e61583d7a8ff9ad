package process_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quorate/quorate/client"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/internal/process"
)

// game is writers that know what they have been promised, and readers that hold the servers to it.
type game struct {
	c       *cluster
	players []*player
	stop    context.CancelFunc
	wg      sync.WaitGroup
	reads   atomic.Int64
}

// player is a writer with a node of its own. It writes the number of its write, on the condition that the
// node's version is that of the one before, so that a write that is repeated is not made twice.
type player struct {
	g    *game
	cl   *client.Client
	path string

	acked  atomic.Int64 // the last number acknowledged, and so the least that a reader may see
	unsure bool         // whether the next number may have been written
	zxid   uint64       // of the last acknowledged write
}

// startGame starts writers and readers. They stop at the test's end at the latest.
func startGame(c *cluster, writers, readers int) *game {
	c.t.Helper()
	g := &game{c: c}
	for i := range writers {
		p := &player{g: g, cl: c.client(i), path: fmt.Sprintf("/player-%d", i)}
		c.create(p.cl, p.path, []byte("0"))
		g.players = append(g.players, p)
	}
	var ctx context.Context
	ctx, g.stop = context.WithCancel(context.Background())
	for _, p := range g.players {
		g.wg.Go(func() { p.play(ctx) })
	}
	for range readers {
		g.wg.Go(func() { g.read(ctx) })
	}
	c.t.Cleanup(g.end)
	return g
}

func (g *game) end() {
	g.stop()
	g.wg.Wait()
}

// settle ends the game after every writer has made one more write.
func (g *game) settle() {
	g.c.t.Helper()
	before := map[*player]int64{}
	for _, p := range g.players {
		before[p] = p.acked.Load()
	}
	g.c.await("every writer has made one more write", func(process.View) bool {
		for _, p := range g.players {
			if p.acked.Load() == before[p] {
				return g.c.t.Failed()
			}
		}
		return true
	})
	g.end()
}

// play writes until ctx ends.
func (p *player) play(ctx context.Context) {
	for ctx.Err() == nil {
		call, cancel := context.WithTimeout(ctx, callLimit)
		err := p.write(call)
		cancel()
		switch {
		case err == nil || ctx.Err() != nil:
		case passing(err):
			pause(ctx, retryPause)
		default:
			p.g.c.t.Errorf("%s, after %d: %v", p.path, p.acked.Load(), err)
			return
		}
	}
}

// write makes one write, or finds out that the one before was made.
func (p *player) write(ctx context.Context) error {
	version := int32(p.acked.Load())
	got, err := p.cl.Keeper().Set(ctx, &apiv1.SetRequest{Path: p.path, Data: strconv.AppendInt(nil, int64(version)+1, 10), Version: &version})
	switch {
	case err == nil && got.GetZxid() <= p.zxid:
		return fmt.Errorf("zxid %v after %v", client.Zxid(got.GetZxid()), client.Zxid(p.zxid))
	case err == nil && got.GetStat().GetVersion() != version+1:
		return fmt.Errorf("version %d after %d", got.GetStat().GetVersion(), version)
	case err == nil:
		p.zxid = got.GetZxid()
		p.acked.Add(1)
		p.unsure = false
		return nil
	case errors.Is(err, client.ErrBadVersion) && p.unsure:
		p.acked.Add(1)
		p.unsure = false
		return nil
	case !errors.Is(err, client.ErrUnavailable) && !errors.Is(err, client.ErrOverloaded):
		p.unsure = true // of those two the promise is that nothing was done
	}
	return err
}

// read asks servers for a Sync and then for a writer's node, and holds them to what had been acknowledged.
func (g *game) read(ctx context.Context) {
	for ctx.Err() == nil {
		p, m := g.players[rand.IntN(len(g.players))], g.c.Members[rand.IntN(len(g.c.Members))]
		least := p.acked.Load()
		call, cancel := context.WithTimeout(ctx, callLimit)
		n, err := p.value(call, m)
		cancel()
		switch {
		case ctx.Err() != nil:
		case err == nil && n < least:
			g.c.t.Errorf("server %d, after a Sync, has %s at %d; %d was acknowledged before", m.ID, p.path, n, least)
		case err == nil:
			g.reads.Add(1)
			pause(ctx, time.Millisecond)
		case passing(err):
			pause(ctx, retryPause)
		default:
			g.c.t.Errorf("server %d: %v", m.ID, err)
			return
		}
	}
}

// value returns what a server has for the node, after a Sync. Number and version must be the same.
func (p *player) value(ctx context.Context, m *process.Member) (int64, error) {
	if _, err := m.Client().Keeper().Sync(ctx, &apiv1.SyncRequest{}); err != nil {
		return 0, err
	}
	got, err := m.Client().Keeper().Get(ctx, &apiv1.GetRequest{Path: p.path})
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(string(got.GetData()), 10, 64)
	if err != nil || n != int64(got.GetStat().GetVersion()) {
		return 0, fmt.Errorf("%s holds %q at version %d", p.path, got.GetData(), got.GetStat().GetVersion())
	}
	return n, nil
}

// verify holds a server to all that was acknowledged.
func (g *game) verify(m *process.Member) {
	g.c.t.Helper()
	for _, p := range g.players {
		var n int64
		g.c.do(fmt.Sprintf("read %s at server %d", p.path, m.ID), func(ctx context.Context) (err error) {
			n, err = p.value(ctx, m)
			return err
		})
		if acked := p.acked.Load(); n != acked && (!p.unsure || n != acked+1) {
			g.c.t.Errorf("server %d has %s at %d; acknowledged was %d (one more in doubt: %v)", m.ID, p.path, n, acked, p.unsure)
		}
	}
}

func (g *game) summary() string {
	total := int64(0)
	for _, p := range g.players {
		total += p.acked.Load()
	}
	return fmt.Sprintf("%d writes acknowledged and found, %d reads", total, g.reads.Load())
}
