package server

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
)

func TestProtocolsAreToldApart(t *testing.T) {
	word := func(s string) bool { return s == "ruok" }
	for head, want := range map[[headSize]byte]protocol{
		{'P', 'R', 'I', ' '}:          speaksGRPC,
		{tlsHandshake, 3, 1, 2}:       speaksTLS,
		{0, 0, 0, 44}:                 speaksZooKeeper,
		{0, 0, 0, 45}:                 speaksZooKeeper,
		{0, 0, 0, 0}:                  speaksZooKeeper, // which refuses it
		{'r', 'u', 'o', 'k'}:          speaksWord,
		{'G', 'E', 'T', ' '}:          speaksNothing,
		{0xff, 0xff, 0xff, 0xff}:      speaksNothing,
		{0x7f, 0xff, 0xff, 0xff}:      speaksNothing,
		{0, 0, maxGreeting>>8 + 1, 0}: speaksNothing,
	} {
		if got := protocolOf(head, word); got != want {
			t.Errorf("%q: %d, want %d", head, got, want)
		}
	}
}

// A server that has no room for one more file waits until it has, and goes on.
func TestNoRoomForAConnectionPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full, ours := 12, &net.TCPConn{}
		c, err := patiently(func() (net.Conn, error) {
			if full--; full > 0 {
				return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
			}
			return ours, nil
		})
		if c != ours || err != nil {
			t.Errorf("%v, %v", c, err)
		}
		gone := errors.New("closed")
		if _, err := patiently(func() (net.Conn, error) { return nil, gone }); err != gone { //nolint:errorlint // as it is
			t.Errorf("%v", err)
		}
	})
}
