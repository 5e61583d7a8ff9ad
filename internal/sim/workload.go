package sim

import (
	"context"
	"fmt"
	"time"

	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// keys is the number of nodes that all clients write and read.
const keys = 5

// client is somebody who asks servers for things, one after the other, any server for each.
type client struct {
	world  *World
	number int
	seed   uint64
	pause  Span // between an answer and the next request
	drawn  uint64
	made   []string // nodes of its own that are not deleted
	tally  Tally
}

// Tally counts what clients were answered.
type Tally struct{ Done, Refused, Unknown, Read int }

func (t *Tally) add(o Tally) {
	t.Done, t.Refused, t.Unknown, t.Read = t.Done+o.Done, t.Refused+o.Refused, t.Unknown+o.Unknown, t.Read+o.Read
}

func newClient(w *World, number int, pause Span) *client {
	return &client{world: w, number: number, seed: mix(w.config.Seed, 3, uint64(number)), pause: pause}
}

// draw returns the client's next number.
func (c *client) draw() uint64 {
	c.drawn++
	return mix(c.seed, c.drawn)
}

// run asks until ctx ends, and returns when the last request is answered.
func (c *client) run(ctx context.Context) {
	for n := 0; c.rest(ctx); n++ {
		h := c.world.hosts[c.draw()%uint64(len(c.world.hosts))]
		limited, stop := context.WithTimeout(context.Background(), clientPlace(c.number).in(3*time.Second))
		if kind := c.draw() % 100; kind < 40 {
			c.read(limited, h)
		} else {
			c.write(limited, h, c.request(kind, n))
		}
		stop()
	}
}

// rest waits between two requests, and tells whether there is another one.
func (c *client) rest(ctx context.Context) bool {
	timer := time.NewTimer(clientPlace(c.number).in(c.pause.draw(c.draw())))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// request is the client's nth, as one of 60 kinds.
func (c *client) request(kind uint64, n int) tree.Request {
	key, value := fmt.Sprintf("/k%d", c.draw()%keys), []byte(fmt.Sprintf("%d.%d", c.number, n))
	switch {
	case kind < 45 || kind < 60 && n < 3:
		return &tree.CreateRequest{Path: key, Data: value, ACL: tree.OpenACL()}
	case kind < 80:
		return &tree.SetRequest{Path: key, Data: value, Version: tree.AnyVersion}
	case kind < 95 || len(c.made) == 0:
		return &tree.CreateRequest{Path: "/n" + string(value), Data: value, ACL: tree.OpenACL()}
	default:
		path := c.made[0]
		c.made = c.made[1:]
		return &tree.DeleteRequest{Path: path, Version: tree.AnyVersion}
	}
}

func (c *client) write(ctx context.Context, h *Host, op tree.Request) {
	_, err := h.write(ctx, op)
	if create, ok := op.(*tree.CreateRequest); ok && err == nil && create.Path[1] == 'n' {
		c.made = append(c.made, create.Path)
	}
	c.count(&c.tally.Done, err)
}

func (c *client) read(ctx context.Context, h *Host) {
	_, _, _, err := h.read(ctx, fmt.Sprintf("/k%d", c.draw()%keys))
	c.count(&c.tally.Read, err)
}

func (c *client) count(done *int, err error) {
	switch {
	case err == nil:
		*done++
	case outcomeUnknown(err):
		c.tally.Unknown++
	default:
		c.tally.Refused++
	}
}

// mustWrite writes until it is done, which shows that the ensemble works.
func (c *client) mustWrite(limit time.Duration) (txn.Zxid, error) {
	end := time.Now().Add(limit)
	for n := 0; ; n++ {
		ctx, stop := context.WithTimeout(context.Background(), limit)
		h := c.world.hosts[n%len(c.world.hosts)]
		z, err := h.write(ctx, &tree.CreateRequest{Path: fmt.Sprintf("/last%d", n), ACL: tree.OpenACL()})
		stop()
		if err == nil || !time.Now().Before(end) {
			return z, err
		}
		c.rest(context.Background())
	}
}
