package script

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/quorate/quorate/internal/compat/wire"
)

const (
	// patience is how long a reply is waited for, and silence how long where none is expected.
	patience = 30 * time.Second
	silence  = 5 * time.Second
	// fence is the xid of what is asked after each line.
	fence = math.MaxInt32
	// unimplemented is the error after which a server closes the connection, at its leisure.
	unimplemented = -6
	// defaultTimeout of a session, in ms.
	defaultTimeout = 10_000
)

// Step is a line of a script, and what came of it.
type Step struct {
	// Line as it stands in the script, without indentation; a comment or empty too.
	Line string
	// Replies are what was received, in order, one connection after the other.
	Replies []string
}

// silent tells whether it is recorded that a server says nothing.
func (s Step) silent() bool {
	return slices.ContainsFunc(s.Replies, func(r string) bool { return strings.HasSuffix(r, " silence") })
}

// Parse reads a script, recorded or not.
func Parse(text string) []Step {
	var all []Step
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if reply, ok := strings.CutPrefix(line, "  "); ok && len(all) > 0 {
			last := &all[len(all)-1]
			last.Replies = append(last.Replies, reply)
			continue
		}
		all = append(all, Step{Line: line})
	}
	return all
}

// Text writes steps so that [Parse] reads them.
func Text(steps []Step) string {
	var b strings.Builder
	for _, s := range steps {
		b.WriteString(s.Line + "\n")
		for _, r := range s.Replies {
			b.WriteString("  " + r + "\n")
		}
	}
	return b.String()
}

// Run plays the lines of a script against the server at addr, or, with at=2 in an open, the second of several that belong together, and
// returns them with what came of them this time. An error is one of the script, or of the machine; what a server does is none.
func Run(steps []Step, addrs ...string) ([]Step, error) {
	p := player{addrs: addrs, names: &names{}, links: map[string]*link{}}
	defer p.close()
	var out []Step
	for i, s := range steps {
		p.replies, p.patience = nil, patience
		if s.silent() {
			p.patience = silence
		}
		if line := strings.TrimSpace(s.Line); line != "" && line[0] != '#' {
			if err := p.line(line); err != nil {
				return out, fmt.Errorf("line %d (%s): %w", i+1, s.Line, err)
			}
		}
		out = append(out, Step{Line: s.Line, Replies: p.replies})
	}
	return out, nil
}

// player plays a script.
type player struct {
	addrs    []string
	names    *names
	links    map[string]*link
	replies  []string      // of the present line
	patience time.Duration // for each of them
}

// link is a connection of a script.
type link struct {
	name    string
	conn    *wire.Conn
	session bool            // it has one
	xid     int32           // of the last request
	waiting map[int32]int32 // what was asked, by xid
	queue   []byte          // to be sent with the next request
}

func (p *player) close() {
	for _, l := range p.links {
		_ = l.conn.Close()
	}
}

// heard notes what a connection has received.
func (p *player) heard(l *link, what string) { p.replies = append(p.replies, l.name+" "+what) }

// line plays one line.
func (p *player) line(line string) error {
	words, err := tokens(line)
	if err != nil {
		return err
	}
	if len(words) < 2 {
		return errors.New("a line is a connection's name and what it does")
	}
	name, words, alone := words[0].text, words[1:], words[1].text == "alone"
	if alone {
		words = words[1:]
	}
	if len(words) == 0 {
		return errors.New("alone needs a request")
	}
	if err := p.do(name, words[0].text, words); err != nil {
		return err
	}
	if words[0].text == "+" || alone {
		return nil
	}
	return p.others(name)
}

// others shows what the other connections have received.
func (p *player) others(but string) error {
	for _, name := range slices.Sorted(maps.Keys(p.links)) {
		if l := p.links[name]; l.session && name != but {
			if err := p.exchange(l, nil, true); err != nil {
				return err
			}
		}
	}
	return nil
}

// do lets a connection do something.
func (p *player) do(name, verb string, words []token) error {
	if verb == "open" || verb == "connect" {
		return p.open(name, verb, words[1:])
	}
	l := p.links[name]
	if l == nil {
		p.replies = append(p.replies, name+" (not connected)")
		return nil
	}
	switch verb {
	case "eventzxids":
		p.names.eventZxids = true
		return nil
	case "offsets":
		p.names.offsets = true
		return nil
	case "hangup":
		p.drop(l)
		return nil
	case "await":
		_, err := p.receive(l)
		return err
	case "end":
		return p.end(l)
	case "frame", "bytes":
		w := writer{names: p.names}
		if err := w.fields("", words[1:]); err != nil {
			return err
		}
		if verb == "frame" {
			return p.exchange(l, w.out.Frame(), l.session)
		}
		return p.exchange(l, w.out, false)
	}
	return p.request(l, words)
}

// request sends a request, or puts it by.
func (p *player) request(l *link, words []token) error {
	later := words[0].text == "+"
	if later {
		words = words[1:]
	}
	xid, own := int32(0), false
	if value, ok := strings.CutPrefix(words[0].text, "xid="); ok {
		n, err := p.names.number(value)
		if err != nil {
			return err
		}
		xid, own, words = int32(n), true, words[1:]
	}
	w := writer{names: p.names}
	code, err := w.request(words)
	if err != nil {
		return err
	}
	if special, ok := xidOf(code); ok && !own {
		xid, own = special, true
	}
	if !own {
		l.xid++
		xid = l.xid
	}
	l.waiting[xid] = code
	l.queue = append(l.queue, append(wire.Packet(nil).Int(xid).Int(code), w.out...).Frame()...)
	if later {
		return nil
	}
	out := l.queue
	l.queue = nil
	if code == opCloseSession {
		return p.last(l, out)
	}
	return p.exchange(l, out, l.session)
}

// last sends what the server closes the connection after.
func (p *player) last(l *link, out []byte) error {
	if err := p.exchange(l, out, false); err != nil || p.links[l.name] != l {
		return err
	}
	return p.end(l)
}

// exchange sends something, with a fence behind it if there is a session, and notes what comes before the fence's answer.
func (p *player) exchange(l *link, out []byte, fenced bool) error {
	if fenced {
		out = append(out, p.fence()...)
	}
	if _, err := l.conn.Write(out); err != nil && !gone(err) {
		return err
	}
	for fenced {
		more, err := p.receive(l)
		if !more || err != nil {
			return err
		}
	}
	return nil
}

// fence is what is asked behind a line. Of several servers each must first have seen what the others have.
func (p *player) fence() []byte {
	if len(p.addrs) > 1 {
		return wire.Packet(nil).Int(fence).Int(opSync).String("/").Frame()
	}
	return wire.Packet(nil).Int(fence).Int(opExists).String("/").Bool(false).Frame()
}

// receive notes the next packet; it says whether more is to come: the fence's answer is the last.
func (p *player) receive(l *link) (more bool, err error) {
	packet, err := l.conn.Receive(p.patience)
	switch {
	case gone(err):
		p.heard(l, "closed")
		p.drop(l)
		return false, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		p.heard(l, "silence")
		return false, nil
	case err != nil:
		return false, err
	}
	if !l.session && len(l.waiting) == 0 { // it said hello in a frame of its own making
		p.greeted(l, packet)
		return true, nil
	}
	in := wire.NewReader(packet)
	xid, zxid, code := in.Int(), in.Long(), in.Int()
	if xid == fence {
		return false, nil
	}
	op := l.waiting[xid]
	delete(l.waiting, xid)
	p.heard(l, p.names.reply(packet, op))
	if code == unimplemented && zxid == -1 {
		return false, p.refused(l)
	}
	return true, nil
}

// greeted notes the answer to a first packet.
func (p *player) greeted(l *link, packet []byte) {
	p.heard(l, p.names.welcome(packet))
	w, ok := wire.ReadWelcome(packet)
	l.session = ok && w.Timeout > 0
}

// refused waits until the server closes a connection because of a request that there is not. What it still answers is of
// no interest: it reads on until it comes to closing.
func (p *player) refused(l *link) error {
	for {
		_, err := l.conn.Receive(patience)
		switch {
		case gone(err):
			p.heard(l, "closed")
			p.drop(l)
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			p.heard(l, "stays open")
			return nil
		case err != nil:
			return err
		}
	}
}

// end notes what comes until the server closes the connection.
func (p *player) end(l *link) error {
	for {
		more, err := p.receive(l)
		if !more || err != nil {
			return err
		}
	}
}

// gone tells whether an error says that the server has closed the connection.
func gone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// drop closes a connection and forgets it.
func (p *player) drop(l *link) {
	_ = l.conn.Close()
	delete(p.links, l.name)
}
