package zkwire

import (
	"io"
	"net"
	"time"
)

// maxRest bounds in bytes what is read of a client that is not listened to any more.
const maxRest = 64 << 10

// HangUp closes a connection when its client has all that was written to it, or after a time at the latest. To close while something
// of the client's is unread, a request behind its last or the end of the line behind a word, would throw away what is still on its way.
func HangUp(c net.Conn, limit time.Duration) {
	_ = c.SetDeadline(time.Now().Add(limit))
	if half, ok := c.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_, _ = io.CopyN(io.Discard, c, maxRest)
	}
	c.Close()
}
