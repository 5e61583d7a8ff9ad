package process_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quorate/quorate/internal/compat/wire"
	"github.com/quorate/quorate/internal/process"
)

// The load: so many connections of ZooKeeper's protocol, each with so many requests without an answer.
const loadConnections, loadWindow = 24, 64

// The types of requests, and the number of an event in an answer.
const (
	zkCreate, zkDelete, zkExists, zkGet, zkSet, zkChildren = 1, 2, 3, 4, 5, 8
	zkEvent                                                = -1
)

// pipe is a connection that is kept full of requests.
type pipe struct {
	*wire.Conn
	name   string
	random *rand.Rand
	out    bytes.Buffer
	xid    int32 // of the last request
	first  int32 // the oldest without an answer
	live   int   // nodes that there are of the mixed part, the oldest at gone
	gone   int
	events *atomic.Int64
}

// newPipe opens a session.
func newPipe(addr, name string, seed uint64, events *atomic.Int64) (*pipe, error) {
	c, err := wire.Dial(addr)
	if err != nil {
		return nil, err
	}
	p := &pipe{Conn: c, name: name, random: rand.New(rand.NewPCG(seed, 0)), events: events, first: 1}
	if _, err := c.Write(wire.Hello{Timeout: 30_000}.Packet().Frame()); err != nil {
		return nil, err
	}
	answer, err := c.Receive(patience)
	if w, ok := wire.ReadWelcome(answer); err != nil || !ok || w.Session == 0 {
		return nil, fmt.Errorf("%s is not let in: %+v, %w", name, w, err)
	}
	return p, nil
}

// ask adds a request to those that are sent next.
func (p *pipe) ask(op int32, body func(wire.Packet) wire.Packet) {
	p.xid++
	p.out.Write(body(wire.Packet{}.Int(p.xid).Int(op)).Frame())
}

func (p *pipe) create(path string) {
	p.ask(zkCreate, func(b wire.Packet) wire.Packet {
		return b.String(path).String(string(make([]byte, 100))).Int(1).Int(31).String("world").String("anyone").Int(0)
	})
}

func (p *pipe) read(op int32, path string, watch bool) {
	p.ask(op, func(b wire.Packet) wire.Packet { return b.String(path).Bool(watch) })
}

// run makes n requests, each by next, and takes the answers: all in their order, none an error.
func (p *pipe) run(n int, next func()) error {
	for sent, answered := 0, 0; answered < n; {
		for sent < n && sent-answered < loadWindow {
			next()
			sent++
		}
		if _, err := p.out.WriteTo(p); err != nil {
			return err
		}
		packet, err := p.Receive(patience)
		if err != nil {
			return fmt.Errorf("%s: %d of %d are answered: %w", p.name, answered, n, err)
		}
		r := wire.NewReader(packet)
		xid, _, code := r.Int(), r.Long(), r.Int()
		if xid == zkEvent {
			p.events.Add(1)
			continue
		}
		if xid != p.first || code != 0 {
			return fmt.Errorf("%s: request %d is answered by %d with %d", p.name, p.first, xid, code)
		}
		p.first++
		answered++
	}
	return nil
}

// mixed makes one request of those that programs make.
func (p *pipe) mixed() {
	own := func(i int) string { return fmt.Sprintf("/load/%s/m%d", p.name, i) }
	any := own(p.gone + p.random.IntN(max(1, p.live)))
	switch kind := p.random.IntN(10); {
	case p.live < 16 || kind == 0 && p.live < 64:
		p.create(own(p.gone + p.live))
		p.live++
	case kind <= 1:
		p.ask(zkDelete, func(b wire.Packet) wire.Packet { return b.String(own(p.gone)).Int(-1) })
		p.gone++
		p.live--
	case kind <= 3:
		p.ask(zkSet, func(b wire.Packet) wire.Packet { return b.String(any).String("new").Int(-1) })
	case kind <= 7:
		p.read(zkGet, any, kind == 7)
	case kind == 8:
		p.read(zkExists, any, true)
	default:
		p.read(zkChildren, "/load/"+p.name, false)
	}
}

// TestZooKeeperLoad puts 24 connections × 64 outstanding requests on three servers: creations, and then a mixture with watches. All are
// answered, in order, without an error, and the servers' memory does not grow by more than the tree does. QUORATE_TEST_LOAD is
// how many requests there are of each. With QUORATE_TEST_LOAD_AT=host:port,… they go to servers that run already, such as ZooKeeper's own.
func TestZooKeeperLoad(t *testing.T) {
	requests := setting(t, "QUORATE_TEST_LOAD", 30_000)
	var c *cluster
	at := strings.Split(os.Getenv("QUORATE_TEST_LOAD_AT"), ",")
	if at[0] == "" {
		c = startCluster(t, process.Shape{Voters: 3, Args: []string{"--segment-size", "64MiB", "--metrics-addr", "127.0.0.1:0"}})
		at = []string{c.Members[0].Addr, c.Members[1].Addr, c.Members[2].Addr}
	}
	var events atomic.Int64
	pipes := make([]*pipe, loadConnections)
	for i := range pipes {
		var err error
		if pipes[i], err = newPipe(at[i%len(at)], fmt.Sprintf("c%d", i), uint64(i), &events); err != nil {
			t.Fatal(err)
		}
		defer pipes[i].Close()
	}
	if err := pipes[0].run(1, func() { pipes[0].create("/load") }); err != nil {
		t.Fatal(err)
	}
	all := func(what string, n int, next func(p *pipe)) {
		began := time.Now()
		var running errgroup.Group
		for _, p := range pipes {
			running.Go(func() error { return p.run(n, func() { next(p) }) })
		}
		if err := running.Wait(); err != nil {
			t.Fatal(err)
		}
		took := time.Since(began)
		t.Logf("%s: %d requests in %v, %.0f a second", what, n*loadConnections, took.Round(time.Millisecond), float64(n*loadConnections)/took.Seconds())
	}
	all("directories", 1, func(p *pipe) { p.create("/load/" + p.name) })
	all("creations", requests/loadConnections, func(p *pipe) { p.create(fmt.Sprintf("/load/%s-%d", p.name, p.xid)) })
	before := rss(t, c)
	all("mixture", requests/loadConnections, (*pipe).mixed)
	after := rss(t, c)
	t.Logf("%d events; servers take %v MiB after the creations, %v after the mixture", events.Load(), before, after)
	if events.Load() == 0 {
		t.Error("no event was told")
	}
	for i := range after {
		if after[i] > before[i]+before[i]/2+64 {
			t.Errorf("server %d has grown from %d to %d MiB", i+1, before[i], after[i])
		}
	}
}

// TestZooKeeperIdleConnections holds connections to one server, each of a session with a watch, and keeps them alive by pings: none is lost, and each
// takes at most 16 KiB of the server's memory. QUORATE_TEST_CONNECTIONS is how many; with few of them it is chance when
// the garbage of opening them was collected last.
func TestZooKeeperIdleConnections(t *testing.T) {
	connections := setting(t, "QUORATE_TEST_CONNECTIONS", 3000)
	const first, rounds, each = 200, 3, 16 << 10
	if connections <= 3000 { // what they hold; with more of them, as `make load` has it, also the garbage that is usual
		t.Setenv("GOGC", "20")
	}
	c := startCluster(t, process.Shape{Voters: 1, Args: []string{"--max-connections", "100000"}})
	var events atomic.Int64
	all := make([]*pipe, connections+first)
	open := func(from, to int) {
		var opening errgroup.Group
		for part := range loadConnections {
			opening.Go(func() error {
				for i := from + part; i < to; i += loadConnections {
					p, err := newPipe(c.Members[0].Addr, fmt.Sprintf("c%d", i), uint64(i), &events)
					if err != nil {
						return err
					}
					all[i] = p
					if err := p.run(1, func() { p.read(zkExists, "/zookeeper", true) }); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := opening.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	defer func() {
		for _, p := range all {
			if p != nil {
				p.Close()
			}
		}
	}()
	open(0, first) // the server has its own size then
	before := rss(t, c)[0]
	open(first, len(all))
	for range rounds {
		for _, p := range all {
			if err := p.ping(); err != nil {
				t.Fatal(err)
			}
		}
	}
	took := (rss(t, c)[0] - before) << 20 / connections
	t.Logf("%d idle connections take %d bytes each", connections, took)
	if took > each {
		t.Errorf("%d idle connections take %d bytes each", connections, took)
	}
}

// ping tells the server that the client is alive, and waits for the answer.
func (p *pipe) ping() error {
	if _, err := p.Write(wire.Packet{}.Int(-2).Int(11).Frame()); err != nil {
		return err
	}
	packet, err := p.Receive(patience)
	if err != nil {
		return fmt.Errorf("%s: the ping is not answered: %w", p.name, err)
	}
	if xid := wire.NewReader(packet).Int(); xid != -2 {
		return fmt.Errorf("%s: the ping is answered by %d", p.name, xid)
	}
	return nil
}

// rss is how much memory each server has, in MiB; nothing of servers that are not this test's.
func rss(t *testing.T, c *cluster) (all []int) {
	t.Helper()
	if c == nil {
		return nil
	}
	for _, m := range c.Members {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", m.Server().Pid()))
		if errors.Is(err, os.ErrNotExist) {
			t.Skip("this system does not tell how much memory a process has")
		}
		var size, resident int
		if _, err := fmt.Sscan(string(b), &size, &resident); err != nil {
			t.Fatal(err)
		}
		all = append(all, resident*os.Getpagesize()>>20)
	}
	return all
}
