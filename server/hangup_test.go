package server

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// TestALongAnswerArrives: an operator's line has an end that nobody reads, and who reads slowly gets all of the answer nevertheless.
func TestALongAnswerArrives(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const size = 4 << 20
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		d := &door{known: func(w string) bool { return w == "cons" }, answer: func(out io.Writer, _ string) { io.WriteString(out, strings.Repeat("x", size)) }}
		d.lead(c)
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "cons\r\n"); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(patience))
	got, buffer := 0, make([]byte, 64<<10)
	for {
		n, err := c.Read(buffer)
		got += n
		if err != nil {
			if err != io.EOF {
				t.Errorf("the answer ends with %v", err)
			}
			break
		}
	}
	if got != size {
		t.Errorf("%d bytes of %d have come", got, size)
	}
	c.Close()
	<-ended
}
