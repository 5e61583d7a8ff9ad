package zkwire

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/server/traffic"
)

// Connections that do not go when they are cut are waited for, and not without a pause: the rest of the server has to stop, too.
func TestStopWaitsForThoseThatWereCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		s := New(Config{Traffic: traffic.New(), MaxPacket: 100})
		c := newConn(s, ours, nil)
		if !s.enter(c) {
			t.Fatal("there is no way in")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		time.AfterFunc(3*time.Second, func() { c.end(); s.leave(c) })
		s.Stop(ctx) // in this bubble, time only goes on when nothing runs
		if took := time.Since(began); took < 3*time.Second || took > 3*time.Second+2*stopPulse {
			t.Errorf("stopped after %v", took)
		}
		if s.enter(newConn(s, ours, nil)) || c.ctx.Err() == nil {
			t.Error("a connection goes on, or comes in")
		}
	})
}
