package traffic_test

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/server/traffic"
)

func from(port int) net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port} }

const (
	create, getData, ping = 1, 4, 11
	session, auth         = -10, 100
)

func TestOneConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := traffic.New()
		c := all.Enter(from(1))
		if i := c.Info(); i.Session != 0 || i.Received != 0 || !i.Came.Equal(time.Now()) || i.Remote.String() != "127.0.0.1:1" {
			t.Errorf("came as %+v", i)
		}
		c.Opened(7, time.Second)
		if i := c.Info(); i.Received != 1 || i.Sent != 1 || traffic.Name(i.Op) != "SESS" {
			t.Errorf("opened as %+v", i)
		}
		c.Came(getData, 1)
		c.Came(create, 2)
		if i := c.Info(); i.Outstanding != 2 || i.Received != 3 {
			t.Errorf("waits as %+v", i)
		}
		c.Went(getData, 1, 5, 2*time.Millisecond)
		c.Went(create, 2, 6, 4*time.Millisecond)
		c.Told(3)
		c.Refused()
		time.Sleep(time.Second)
		c.Came(ping, -2)
		c.Went(ping, -2, 6, time.Hour)
		i := c.Info()
		if i.Session != 7 || i.Timeout != time.Second || i.Outstanding != 0 || i.Received != 4 || i.Sent != 7 {
			t.Errorf("is %+v", i)
		}
		if traffic.Name(i.Op) != "PING" || i.Xid != 2 || i.Zxid != 6 || !i.At.Equal(time.Now()) {
			t.Errorf("last did %+v", i)
		}
		if i.Min != 2*time.Millisecond || i.Max != 4*time.Millisecond || i.Avg() != 3*time.Millisecond || i.Last != 4*time.Millisecond {
			t.Errorf("took %+v", i)
		}
		s := all.Stats()
		if s.Received != 4 || s.Sent != 7 || s.Events != 3 || s.Connections != 1 || s.Outstanding != 0 || s.Sessions != 1 || s.Refused != 1 {
			t.Errorf("counted %+v", s)
		}
		if s.Latency.Count != 2 || s.Latency.Min != 2 || s.Latency.Max != 4 || all.Reads().Read().Sum != 2 || all.Updates().Read().Sum != 4 {
			t.Errorf("measured %+v", s)
		}
	})
}

func TestOperationsAreCounted(t *testing.T) {
	all := traffic.New()
	c := all.Enter(from(1))
	for _, op := range []int32{create, getData, getData, ping, auth, 77, -99, 256 + create} {
		c.Came(op, 1)
	}
	c.Opened(1, 0)
	for op, want := range map[int32]uint64{create: 1, getData: 2, ping: 1, auth: 1, session: 1, 2: 0, 77: 3} {
		if got := all.Count(op); got != want {
			t.Errorf("operation %d: %d, want %d", op, got, want)
		}
	}
	if traffic.Name(77) != "UNKN" || traffic.Name(-11) != "CLOS" {
		t.Error("names are wrong")
	}
}

func TestLeavingWithRequests(t *testing.T) {
	all := traffic.New()
	one, two := all.Enter(from(1)), all.Enter(from(2))
	one.Came(create, 1)
	two.Came(create, 1)
	one.Leave()
	one.Leave()
	one.Went(create, 1, 1, 0) // an answer that comes too late
	one.Came(create, 2)
	if s := all.Stats(); s.Outstanding != 1 || s.Connections != 1 {
		t.Errorf("left %+v", s)
	}
	if open := all.Conns(); len(open) != 1 || open[0] != two {
		t.Errorf("%d are open", len(open))
	}
}

func TestConnsAreInOrder(t *testing.T) {
	all := traffic.New()
	for i := range 20 {
		all.Enter(from(i))
	}
	for i, c := range all.Conns() {
		if c.Info().Remote.(*net.TCPAddr).Port != i {
			t.Fatalf("place %d has %v", i, c.Info().Remote)
		}
	}
}

func TestClose(t *testing.T) {
	c := traffic.New().Enter(from(1))
	if c.Close() {
		t.Error("closed without a way to")
	}
	closed := 0
	c.Closer(func() { closed++; c.Leave() })
	if !c.Close() || closed != 1 || c.Close() {
		t.Errorf("closed %d times", closed)
	}
}

func TestReset(t *testing.T) {
	all := traffic.New()
	c := all.Enter(from(1))
	c.Came(create, 1)
	c.Went(create, 1, 9, time.Second)
	c.Came(create, 2)
	c.Out(100)
	if s := all.Stats(); s.Sizes.Max != 100 || s.LastSize != 100 || s.BytesOut != 100 {
		t.Errorf("sizes %+v", s)
	}
	all.ResetConns()
	if i := c.Info(); i.Answers != (traffic.Answers{}) || i.Outstanding != 1 {
		t.Errorf("after a reset %+v", i)
	}
	all.Reset()
	if s := all.Stats(); s.Received != 0 || s.Sent != 0 || s.Latency.Count != 0 || s.Outstanding != 1 || s.LastSize != -1 || all.Updates().Read().Count != 1 {
		t.Errorf("after a reset %+v", s)
	}
	if all.Count(create) != 2 {
		t.Error("a counter went back")
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	c := traffic.New().Enter(from(1))
	if n := testing.AllocsPerRun(100, func() {
		c.Came(create, 1)
		c.Went(create, 1, 1, time.Millisecond)
		c.Told(1)
		c.In(10)
		c.Out(10)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkRequest is what counting a request costs.
func BenchmarkRequest(b *testing.B) {
	c := traffic.New().Enter(from(1))
	for b.Loop() {
		c.Came(create, 1)
		c.Went(create, 1, 1, time.Millisecond)
		c.In(100)
		c.Out(100)
	}
}
