package server

import (
	"testing"
	"time"

	"github.com/quorate/quorate/internal/compat/wire"
	"github.com/quorate/quorate/store/vfs"
)

// FuzzZooKeeperPort lets a client say anything on the client port, before and after it has a session. What is answered comes in the order of what
// was asked, or the connection ends; nobody else is hurt.
func FuzzZooKeeperPort(f *testing.F) {
	acl := func(p wire.Packet) wire.Packet { return p.Int(1).Int(31).String("world").String("anyone") }
	for _, packets := range [][]wire.Packet{
		{acl(wire.Packet{}.Int(1).Int(1).String("/a").String("x")).Int(0), wire.Packet{}.Int(2).Int(4).String("/a").Bool(true), wire.Packet{}.Int(-2).Int(11)},
		{wire.Packet{}.Int(-8).Int(105).Long(1).Strings([]string{"/a"}).Strings([]string{"/b"}).Strings(nil).Strings([]string{"/"}).Strings([]string{"/"})},
		{acl(wire.Packet{}.Int(1).Int(14).Int(1).Bool(false).Int(-1).String("/m").String("")).Int(3).Int(-1).Bool(true).Int(-1)},
		{wire.Packet{}.Int(-4).Int(100).Int(0).String("digest").String("a:b"), wire.Packet{}.Int(3).Int(106).String("/").Int(1), wire.Packet{}.Int(4).Int(-11)},
		{wire.Packet{}.Int(5).Int(9).String("/"), wire.Packet{}.Int(6).Int(22).Int(8).Bool(false).Int(-1).String("/").Bool(false).Int(-1).Bool(true).Int(-1)},
	} {
		var talk []byte
		for _, p := range packets {
			talk = append(talk, p.Frame()...)
		}
		f.Add(true, talk)
		f.Add(false, talk)
	}
	f.Add(false, []byte("stat"))
	f.Add(false, []byte{0, 0, 0, 45, 0, 0})
	w := run(f, vfs.NewMem(), small)
	good := zkDial(f, w, wire.Hello{Timeout: 60_000})
	f.Fuzz(func(t *testing.T, greets bool, talk []byte) {
		c, err := wire.Dial(w.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		z := &zk{t: t, Conn: c}
		if greets {
			z.send(wire.Hello{Timeout: 1000}.Packet())
			if _, err := c.Receive(patience); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.Write(talk); err == nil {
			z.drain(greets, frames(talk))
		}
		good.t = t
		good.send(wire.Packet{}.Int(zkPong).Int(zkPing))
		if r := good.receive(); r.xid != zkPong || r.code != 0 {
			t.Fatalf("others are hurt: %d, %d", r.xid, r.code)
		}
	})
}

// frames returns the xids of the requests in what a client says, but for those that look like an event's or a ping's, and for pings, which are
// answered out of turn.
func frames(talk []byte) (xids []int32) {
	for len(talk) >= 4 {
		n := wire.NewReader(talk).Int()
		if n < 8 || int(n) > len(talk)-4 {
			return xids
		}
		r := wire.NewReader(talk[4 : 4+n])
		if xid, op := r.Int(), r.Int(); op != zkPing && xid != zkEvent && xid != zkPong {
			xids = append(xids, xid)
		}
		talk = talk[4+n:]
	}
	return xids
}

// drain takes what is answered, for a short while.
func (z *zk) drain(greeted bool, xids []int32) {
	for {
		frame, err := z.Receive(5 * time.Millisecond)
		if err != nil || !greeted {
			return
		}
		xid := wire.NewReader(frame).Int()
		if xid == zkEvent || xid == zkPong {
			continue
		}
		if len(xids) == 0 || xids[0] != xid {
			z.t.Fatalf("answered %d, asked %v", xid, xids)
		}
		xids = xids[1:]
	}
}
