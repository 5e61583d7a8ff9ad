package zkwire

import (
	"bytes"
	"net"
	"testing"
	"testing/synctest"

	"github.com/quorate/quorate/server/traffic"
)

// A client that has hung up is seen to have, whatever it has said before, and what another says behind its greeting is not lost.
func TestWhoHasHungUp(t *testing.T) {
	for name, said := range map[string][]byte{"nothing": nil, "much": bytes.Repeat([]byte{0, 0, 0, 0}, 10_000)} {
		for _, hangsUp := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				defer theirs.Close()
				c := newConn(New(Config{Traffic: traffic.New(), MaxPacket: 100}), ours, nil)
				defer c.end()
				go func() {
					_, _ = theirs.Write(said)
					if hangsUp {
						theirs.Close()
					}
				}()
				if c.gone() != hangsUp {
					t.Errorf("a client that says %s and hangs up (%v) is gone: %v", name, hangsUp, !hangsUp)
				}
				if !bytes.Equal(c.in.chunk[c.in.start:], said) {
					t.Errorf("%d bytes of %d are left", len(c.in.chunk)-c.in.start, len(said))
				}
			})
		}
	}
}
