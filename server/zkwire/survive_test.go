package zkwire

import (
	"net"
	"testing"

	"github.com/quorate/quorate/server/traffic"
)

// A panic ends its connection, and is told.
func TestPanicsEndAConnection(t *testing.T) {
	told := 0
	s := New(Config{Traffic: traffic.New(), MaxPacket: 100, Panicked: func(value any, stack []byte) {
		if told++; value == nil || len(stack) == 0 {
			t.Errorf("told of %v", value)
		}
	}})
	ours, theirs := net.Pipe()
	c := newConn(s, ours, nil)
	func() {
		defer c.survive()
		var none *conn
		none.poke()
	}()
	if _, err := theirs.Read(make([]byte, 1)); err == nil || c.ctx.Err() == nil || told != 1 {
		t.Errorf("the connection goes on; told %d times", told)
	}
}
