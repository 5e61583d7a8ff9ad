package server

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/quorate/quorate/server/identity"
	"github.com/quorate/quorate/server/zkwire"
	"github.com/quorate/quorate/store/tree"
)

// headSize is how many bytes of a connection tell whose it is.
const headSize = 4

// protocol is what a client speaks.
type protocol uint8

const (
	speaksNothing   protocol = iota // that is known here
	speaksGRPC                      // "PRI ": the preface of HTTP/2
	speaksTLS                       // and within it one of the others
	speaksZooKeeper                 // the length of a connect request comes first
	speaksWord                      // four letters of an operator
)

// protocolOf tells protocols apart by the first bytes: a frame of ZooKeeper's begins with its length, which is short, and so with a 0.
func protocolOf(head [headSize]byte, word func(string) bool) protocol {
	switch {
	case head[0] == tlsHandshake:
		return speaksTLS
	case word(string(head[:])):
		return speaksWord
	case binary.BigEndian.Uint32(head[:]) <= maxGreeting:
		return speaksZooKeeper
	case string(head[:]) == "PRI ":
		return speaksGRPC
	}
	return speaksNothing
}

const (
	// tlsHandshake is the first byte of TLS.
	tlsHandshake = 0x16
	// maxGreeting is the length of the longest connect request there is, and room for what others may add.
	maxGreeting = 1 << 10
)

// door lets clients in and leads each to whom it speaks with: to gRPC, for which it is a listener; to ZooKeeper's protocol; or to the
// answer to a word. All of them come through TLS if that is on, and none without.
type door struct {
	*listener
	secure    *tls.Config // nil: without
	zookeeper func(net.Conn, tree.Caller)
	known     func(word string) bool
	answer    func(out io.Writer, word string)

	grpc   chan net.Conn
	closed chan struct{}
	close  func() error // once
	failed error        // of the listener, when closed is
}

// open makes a door of a listener and lets clients in until it is closed.
func (d *door) open() {
	d.grpc, d.closed = make(chan net.Conn), make(chan struct{})
	d.close = sync.OnceValue(d.listener.Close)
	go func() {
		defer close(d.closed)
		for {
			c, err := patiently(d.listener.Accept)
			if err != nil {
				d.failed = err
				return
			}
			go d.lead(c)
		}
	}()
}

// patiently accepts a connection, also if the system has no room for one just now: too many files are open.
func patiently(accept func() (net.Conn, error)) (net.Conn, error) {
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		c, err := accept()
		var passing interface{ Temporary() bool }
		if err == nil || !errors.As(err, &passing) || !passing.Temporary() {
			return c, err
		}
		time.Sleep(pause)
	}
}

// Accept returns the next connection that speaks gRPC.
func (d *door) Accept() (net.Conn, error) {
	select {
	case c := <-d.grpc:
		return c, nil
	case <-d.closed:
		return nil, d.failed
	}
}

// Close lets nobody in any more; again is harmless.
func (d *door) Close() error { return d.close() }

// lead leads one connection.
func (d *door) lead(c net.Conn) {
	_ = c.SetDeadline(time.Now().Add(handshakeLimit))
	c, head, err := peek(c)
	if err != nil {
		c.Close()
		return
	}
	speaks := protocolOf(head, d.known)
	if speaks == speaksTLS && d.secure != nil {
		if c, head, err = peek(tls.Server(c, d.secure)); err != nil {
			c.Close()
			return
		}
		speaks = protocolOf(head, d.known)
	} else if d.secure != nil { // it wants TLS
		zkwire.HangUp(c, time.Second)
		return
	}
	_ = c.SetDeadline(time.Time{})
	d.hand(c, head, speaks)
}

// hand hands a connection on, and sees to it that it is closed.
func (d *door) hand(c net.Conn, head [headSize]byte, speaks protocol) {
	switch speaks {
	case speaksZooKeeper:
		d.zookeeper(c, callerOf(c))
	case speaksWord:
		_ = c.SetDeadline(time.Now().Add(handshakeLimit))
		d.answer(c, string(head[:]))
		zkwire.HangUp(c, handshakeLimit)
	case speaksNothing:
		c.Close()
	default:
		select {
		case d.grpc <- c:
		case <-d.closed:
			c.Close()
		}
	}
}

// callerOf is who a client is by its address, and by its certificate if somebody whom the server trusts vouches for it.
func callerOf(c net.Conn) tree.Caller {
	who := make(tree.Caller, 0, 2)
	if id, ok := identity.OfAddress(c.RemoteAddr()); ok {
		who = append(who, id)
	}
	if state, ok := stateOf(c); ok {
		if id, ok := identity.OfCertificate(state.VerifiedChains); ok {
			who = append(who, id)
		}
	}
	return who
}

// peeked is a connection of which the first bytes were read: it reads them once more.
type peeked struct {
	net.Conn
	head io.Reader
}

// peek returns a connection as it was, and its first bytes.
func peek(c net.Conn) (*peeked, [headSize]byte, error) {
	var head [headSize]byte
	_, err := io.ReadFull(c, head[:])
	return &peeked{c, bytes.NewReader(head[:])}, head, err
}

// Read reads what was peeked at, and then what comes.
func (p *peeked) Read(b []byte) (int, error) {
	if p.head != nil {
		n, err := p.head.Read(b)
		if err == nil {
			return n, nil
		}
		p.head = nil
	}
	return p.Conn.Read(b)
}

// Close closes the connection at once: TLS would first say goodbye, and wait until that is written.
func (p *peeked) Close() error {
	if secured, ok := p.Conn.(*tls.Conn); ok {
		return secured.NetConn().Close()
	}
	return p.Conn.Close()
}

// CloseWrite tells the client that nothing more comes.
func (p *peeked) CloseWrite() error {
	half, ok := p.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}

// stateOf returns what TLS has found out about a connection that came through it.
func stateOf(c net.Conn) (tls.ConnectionState, bool) {
	if p, ok := c.(*peeked); ok {
		c = p.Conn
	}
	secured, ok := c.(*tls.Conn)
	if !ok {
		return tls.ConnectionState{}, false
	}
	return secured.ConnectionState(), true
}
