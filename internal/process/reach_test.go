package process_test

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/internal/process"
)

// reach is a client that has a wire of its own to each server.
type reach struct {
	*client.Client
	wires []*process.Wire
}

// reach returns a client of all servers, which begins with one of them. It is closed with the test.
func (c *cluster) reach(first int) *reach {
	c.t.Helper()
	r := &reach{}
	var servers []string
	for i := range c.Members {
		w, err := process.NewWire(c.Members[(first+i)%len(c.Members)].Addr)
		if err != nil {
			c.t.Fatal(err)
		}
		c.t.Cleanup(func() { _ = w.Close() })
		r.wires, servers = append(r.wires, w), append(servers, w.Addr())
	}
	cl, err := client.Dial(servers)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = cl.Close() })
	r.Client = cl
	return r
}

// lose lets what is on its way, and what comes for a while, be lost with the connections.
func (r *reach) lose(d time.Duration) {
	for _, w := range r.wires {
		w.Cut()
	}
	<-time.After(d)
	for _, w := range r.wires {
		w.Break()
		w.Mend()
	}
}

// harass kills leaders with SIGKILL, and loses connections of every other client before each kill and after it, while work is done: evenly over
// the amount of it. First it cuts the leader off from the others, by whose wires they must reach each other. It returns when that much is done.
func (c *cluster) harass(clients []*reach, done *atomic.Int64, work int64, kills int) {
	c.t.Helper()
	rng := rand.New(rand.NewPCG(uint64(work), 6))
	lose := func() {
		for _, i := range rng.Perm(len(clients))[:(len(clients)+1)/2] {
			clients[i].lose(time.Duration(rng.IntN(10)) * time.Millisecond)
		}
	}
	c.depose(lose)
	steps := int64(3 * kills)
	for step := range steps {
		c.await("the next fault is due", func(process.View) bool { return c.t.Failed() || done.Load() >= (step+1)*work/(steps+1) })
		if step%3 == 1 {
			c.leader().Kill()
			c.startAll()
			continue
		}
		lose()
	}
	c.await("all work is done", func(process.View) bool { return c.t.Failed() || done.Load() >= work })
}

// maxLosses bounds how often connections are lost while a leader is deposed: each time the outcome of what is on its way can stay unknown.
const maxLosses = 50

// depose cuts the leader off from the others. As long as it believes in itself clients leave the servers that they are with, some of them to it.
func (c *cluster) depose(lose func()) {
	c.t.Helper()
	old := c.leader()
	c.Part(old)
	losses := 0
	c.await("another server leads", func(v process.View) bool {
		if losses++; losses <= maxLosses {
			lose()
		}
		return v.Leader() != nil && v.Leader().GetId() != old.ID
	})
	lose()
	c.Part()
	c.await("all servers serve", process.View.Complete)
}
