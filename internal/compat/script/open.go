package script

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/quorate/quorate/internal/compat/wire"
)

// open makes a connection, and asks for a session unless it shall only connect.
func (p *player) open(name, verb string, words []token) error {
	if p.links[name] != nil {
		p.replies = append(p.replies, name+" (is connected)")
		return nil
	}
	addr, words, err := p.at(words)
	if err != nil {
		return err
	}
	hello, err := p.hello(words)
	if err != nil {
		return err
	}
	conn, err := wire.Dial(addr)
	if err != nil {
		return err
	}
	l := &link{name: name, conn: conn, waiting: map[int32]int32{}}
	p.links[name] = l
	if verb == "connect" {
		return nil
	}
	if _, err := conn.Write(hello.Packet().Frame()); err != nil && !gone(err) {
		return err
	}
	packet, err := conn.Receive(patience)
	if gone(err) {
		p.heard(l, "closed")
		p.drop(l)
		return nil
	}
	if err != nil {
		return err
	}
	p.greeted(l, packet)
	if !l.session {
		return p.end(l)
	}
	return nil
}

// at takes at=2 from the words of an open, and returns where that server is; the first, if there is none.
func (p *player) at(words []token) (addr string, rest []token, err error) {
	i := slices.IndexFunc(words, func(t token) bool { return strings.HasPrefix(t.text, "at=") })
	if i < 0 {
		return p.addrs[0], words, nil
	}
	n, err := strconv.Atoi(words[i].text[len("at="):])
	if err != nil || n < 1 || n > len(p.addrs) {
		return "", nil, fmt.Errorf("%s: there are %d servers", words[i].text, len(p.addrs))
	}
	return p.addrs[n-1], slices.Delete(slices.Clone(words), i, i+1), nil
}

// hello reads the words of an open.
func (p *player) hello(words []token) (wire.Hello, error) {
	no := false
	h := wire.Hello{Timeout: defaultTimeout, Password: make([]byte, 16), ReadOnly: &no}
	for _, t := range words {
		key, value, _ := strings.Cut(t.text, "=")
		if err := p.greet(&h, key, value); err != nil {
			return h, err
		}
	}
	return h, nil
}

// greet sets one word of an open.
func (p *player) greet(h *wire.Hello, key, value string) error {
	switch key {
	case "password":
		return spoil(h, value)
	case "session":
		if !strings.HasPrefix(value, "#") {
			break
		}
		s, err := p.names.session(value)
		h.Session, h.Password = s.id, s.password
		return err
	case "ro":
		yes := value == "true"
		h.ReadOnly = &yes
		if value == "none" {
			h.ReadOnly = nil
		}
		return nil
	}
	n, err := p.names.number(value)
	if err != nil {
		return err
	}
	switch key {
	case "timeout":
		h.Timeout = int32(n)
	case "version":
		h.Version = int32(n)
	case "zxid":
		h.Seen = n
	case "session":
		h.Session = n
	default:
		return fmt.Errorf("%s: no such setting of a session", key)
	}
	return nil
}

// spoil makes the password another one.
func spoil(h *wire.Hello, how string) error {
	switch how {
	case "null":
		h.Password = nil
	case "short":
		h.Password = h.Password[:8]
	case "empty":
		h.Password = []byte{}
	case "zero":
		h.Password = make([]byte, 16)
	case "derived":
		h.Password = derived(h.Session)
	case "wrong":
		wrong := append([]byte(nil), h.Password...)
		wrong[0] ^= 1
		h.Password = wrong
	default:
		return fmt.Errorf("password=%s: null, empty, short, zero, wrong or derived", how)
	}
	return nil
}

// derived is the password that ZooKeeper gives a session: the first 16 bytes of java.util.Random with a seed that is made of
// the session's id, and of nothing else.
func derived(session int64) []byte {
	const multiplier, addend, mask = 0x5DEECE66D, 0xB, 1<<48 - 1
	state := (uint64(session^0xB3415C00) ^ multiplier) & mask
	var password []byte
	for len(password) < 16 {
		state = (state*multiplier + addend) & mask
		password = binary.LittleEndian.AppendUint32(password, uint32(state>>16))
	}
	return password
}
