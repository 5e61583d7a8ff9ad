package zkwire

import (
	"net"
	"testing"
	"testing/synctest"

	"github.com/quorate/quorate/server/traffic"
)

// A client that says it is there without end, and does not read that it is heard, is read no more: its answers would take
// memory without end.
func TestPingsWithoutAnAnswerAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most, sent = 10, 25
		ours, theirs := net.Pipe()
		defer theirs.Close()
		c := newConn(New(Config{Traffic: traffic.New(), MaxPacket: 100, MaxRequests: most}), ours, nil)
		defer c.end()
		noted := make(chan int, sent)
		go func() {
			for i := range sent {
				if c.note(call{op: opPing}) {
					noted <- i
				}
			}
		}()
		for range 2 {
			synctest.Wait()
			if c.mu.pings != most {
				t.Errorf("%d pings wait for their answers, want %d", c.mu.pings, most)
			}
			c.mu.Lock()
			c.mu.pings = 0
			c.unblock()
			c.mu.Unlock()
		}
		synctest.Wait()
		if c.mu.pings != sent-2*most || len(noted) != sent {
			t.Errorf("%d pings wait, %d of %d were noted", c.mu.pings, len(noted), sent)
		}
	})
}
