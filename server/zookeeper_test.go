package server

import (
	"testing"

	"github.com/quorate/quorate/internal/compat/wire"
)

// zk is a client of ZooKeeper's protocol.
type zk struct {
	t testing.TB
	*wire.Conn
	welcome wire.Welcome
}

// zkDial opens a session on a server.
func zkDial(t testing.TB, w *world, hello wire.Hello) *zk {
	t.Helper()
	c, err := wire.Dial(w.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	z := &zk{t: t, Conn: c}
	z.send(hello.Packet())
	answer, err := c.Receive(patience)
	if err != nil {
		t.Fatalf("the server does not answer: %v", err)
	}
	var ok bool
	if z.welcome, ok = wire.ReadWelcome(answer); !ok || z.welcome.Session == 0 {
		t.Fatalf("welcomed by %+v", z.welcome)
	}
	return z
}

func (z *zk) send(p wire.Packet) {
	z.t.Helper()
	if _, err := z.Write(p.Frame()); err != nil {
		z.t.Fatal(err)
	}
}

// reply is an answer taken apart.
type reply struct {
	xid  int32
	zxid int64
	code int32
	*wire.Reader
}

// receive waits for the next answer, or event.
func (z *zk) receive() reply {
	z.t.Helper()
	frame, err := z.Receive(patience)
	if err != nil {
		z.t.Fatal(err)
	}
	r := wire.NewReader(frame)
	return reply{r.Int(), r.Long(), r.Int(), r}
}

// ask sends a request and waits for its answer.
func (z *zk) ask(xid, op int32, body func(wire.Packet) wire.Packet) reply {
	z.t.Helper()
	z.send(body(wire.Packet{}.Int(xid).Int(op)))
	r := z.receive()
	if r.xid != xid {
		z.t.Fatalf("request %d is answered by %d", xid, r.xid)
	}
	return r
}

// The types of requests and the special numbers.
const (
	zkCreate, zkDelete, zkExists, zkGet, zkSet, zkMulti, zkPing, zkChildren2, zkAddWatch, zkClose = 1, 2, 3, 4, 5, 14, 11, 12, 106, -11
	zkEvent, zkPong                                                                               = -1, -2
)

// open is everybody may do everything.
func open(p wire.Packet) wire.Packet { return p.Int(1).Int(31).String("world").String("anyone") }

// create creates a persistent node.
func (z *zk) create(xid int32, path, data string) reply {
	z.t.Helper()
	return z.ask(xid, zkCreate, func(p wire.Packet) wire.Packet { return open(p.String(path).String(data)).Int(0) })
}

func (z *zk) set(xid int32, path, data string) reply {
	z.t.Helper()
	return z.ask(xid, zkSet, func(p wire.Packet) wire.Packet { return p.String(path).String(data).Int(-1) })
}

// onPath is the body of a request for a path that may leave a watch.
func onPath(path string, watch bool) func(wire.Packet) wire.Packet {
	return func(p wire.Packet) wire.Packet { return p.String(path).Bool(watch) }
}
