package wire

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"
)

// maxFrame bounds what is read at once, in bytes.
const maxFrame = 64 << 20

// Conn is a connection to a server. One goroutine may write while another reads.
type Conn struct {
	net.Conn
	in *bufio.Reader
}

// Dial connects to a server, and says nothing yet.
func Dial(addr string) (*Conn, error) {
	c, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return nil, err
	}
	return &Conn{Conn: c, in: bufio.NewReader(c)}, nil
}

// Receive reads the next frame; it waits for so long.
func (c *Conn) Receive(patience time.Duration) ([]byte, error) {
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	var length [4]byte
	if _, err := io.ReadFull(c.in, length[:]); err != nil {
		return nil, err
	}
	n := int32(binary.BigEndian.Uint32(length[:]))
	if n < 0 || n > maxFrame {
		return nil, fmt.Errorf("a frame of %d bytes", n)
	}
	packet := make([]byte, n)
	_, err := io.ReadFull(c.in, packet)
	return packet, err
}
