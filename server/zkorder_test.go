package server

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/quorate/quorate/internal/compat/wire"
	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/store/vfs"
)

// zkStat is what these tests read of a Stat.
type zkStat struct{ mzxid, pzxid int64 }

func (r reply) stat() (s zkStat) {
	r.Long() // czxid
	s.mzxid = r.Long()
	for range 2 { // ctime, mtime
		r.Long()
	}
	for range 3 { // version, cversion, aversion
		r.Int()
	}
	r.Long() // owner
	r.Int()  // length of the data
	r.Int()  // number of children
	s.pzxid = r.Long()
	return s
}

// writers change the nodes /m/0 to /m/7 until stop is called.
func writers(t *testing.T, w *world) (stop func()) {
	done := make(chan struct{})
	var running sync.WaitGroup
	for seed := range uint64(2) {
		z := zkDial(t, w, wire.Hello{Timeout: 30_000})
		running.Go(func() {
			random := rand.New(rand.NewPCG(seed, 1))
			for xid := int32(1); ; xid++ {
				select {
				case <-done:
					return
				default:
					z.set(xid, fmt.Sprintf("/m/%d", random.IntN(8)), "x")
				}
			}
		})
	}
	return func() { close(done); running.Wait() }
}

// zkTree is a server with the nodes that writers change.
func zkTree(t *testing.T) *world {
	w := run(t, vfs.NewMem(), func(c *config.Config) { c.MaxRequest, c.MaxValue, c.SegmentSize = 1<<20, 64<<10, 2<<20 })
	z := zkDial(t, w, wire.Hello{Timeout: 30_000})
	z.create(1, "/m", "")
	for i := range int32(8) {
		z.create(2+i, fmt.Sprintf("/m/%d", i), "")
	}
	return w
}

// Of a client that watches, reads and writes while others write: each answer shows exactly what the events before it have told,
// neither less nor more, and nothing that it is told is older than what it was told before.
func TestZooKeeperEventsComeBeforeWhatShowsThem(t *testing.T) {
	w := zkTree(t)
	z := zkDial(t, w, wire.Hello{Timeout: 30_000})
	first := z.ask(1, zkAddWatch, func(p wire.Packet) wire.Packet { return p.String("/m").Int(1) }).zxid
	stop := writers(t, w)
	defer stop()

	type asked struct {
		op   int32
		path string
	}
	const requests, window = 4000, 32
	random := rand.New(rand.NewPCG(7, 7))
	var waiting []asked
	last, told, events, sent := map[string]int64{}, first, 0, int32(0)
	for answered := int32(0); answered < requests; {
		for sent < requests && len(waiting) < window {
			a := asked{[]int32{zkGet, zkExists, zkSet}[random.IntN(3)], fmt.Sprintf("/m/%d", random.IntN(8))}
			body := wire.Packet{}.Int(2 + sent).Int(a.op).String(a.path)
			if a.op == zkSet {
				body = body.String("mine").Int(-1)
			} else {
				body = body.Bool(false)
			}
			z.send(body)
			waiting = append(waiting, a)
			sent++
		}
		r := z.receive()
		if r.zxid < told {
			t.Fatalf("told of %x after %x", r.zxid, told)
		}
		told = r.zxid
		if r.xid == zkEvent {
			r.Int()
			r.Int()
			path, _ := r.String()
			last[path] = r.zxid
			events++
			continue
		}
		if r.xid != 2+answered || r.code != 0 {
			t.Fatalf("request %d is answered by %d with %d", 2+answered, r.xid, r.code)
		}
		answered++
		a := waiting[0]
		waiting = waiting[1:]
		if a.op == zkGet {
			r.String()
		}
		if s := r.stat(); s.mzxid > first && last[a.path] != s.mzxid {
			t.Fatalf("%s is shown as of %x, the last event told of %x", a.path, s.mzxid, last[a.path])
		}
	}
	if events < requests/8 {
		t.Errorf("only %d events: this shows nothing", events)
	}
}

// The event of a watch that tells once comes after the answer that left it, once, and the next answer shows it.
func TestZooKeeperEventComesAfterTheAnswerThatLeftItsWatch(t *testing.T) {
	w := zkTree(t)
	stop := writers(t, w)
	defer stop()
	z := zkDial(t, w, wire.Hello{Timeout: 30_000})
	event := int64(0)
	for xid := int32(1); xid <= 500; xid++ {
		r := z.ask(xid, zkGet, onPath("/m/3", true))
		r.String()
		s := r.stat()
		if s.mzxid < event {
			t.Fatalf("an answer as of %x after the event of %x", s.mzxid, event)
		}
		e := z.receive()
		if e.xid != zkEvent || e.zxid <= s.mzxid {
			t.Fatalf("after an answer as of %x: %d of %x", s.mzxid, e.xid, e.zxid)
		}
		event = e.zxid
	}
}
