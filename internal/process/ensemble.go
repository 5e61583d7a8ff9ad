package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/internal/loopback"
)

// maxShown is how much of a line [Ensemble.Log] shows.
const maxShown = 500

// Shape says what an ensemble consists of.
type Shape struct {
	// Voters and Observers are how many servers of each kind there are; the observers' ids follow the voters'.
	Voters, Observers int
	// Wired lets the servers reach each other by wires that can be cut.
	Wired bool
	// Args are given to every server.
	Args []string
}

// Ensemble is several servers on loopback, each a process of its own. Its methods are for one
// goroutine at a time, but for those that ask only: Dial, Look, Await, Servers.
type Ensemble struct {
	// Members are the servers in the order of their ids, from 1.
	Members []*Member
	wires   map[route]*Wire // nil unless wired
}

// route is from one server to another.
type route struct{ from, to uint32 }

// NewEnsemble chooses addresses and starts nothing. The servers' directories will lie below dir.
func NewEnsemble(binary, dir string, shape Shape) (*Ensemble, error) {
	e := &Ensemble{}
	for i := range shape.Voters + shape.Observers {
		m := &Member{ID: uint32(i + 1), Observer: i >= shape.Voters, Dir: filepath.Join(dir, strconv.Itoa(i+1)), binary: binary}
		if err := m.choose(e.Members); err != nil {
			return nil, errors.Join(err, e.Close())
		}
		e.Members = append(e.Members, m)
	}
	if shape.Wired {
		if err := e.wire(); err != nil {
			return nil, errors.Join(err, e.Close())
		}
	}
	for _, m := range e.Members {
		m.args = append([]string{"--id", strconv.Itoa(int(m.ID)), "--peers", e.peers(m), "--data-dir", m.Dir}, shape.Args...)
	}
	return e, nil
}

// wire lays a wire from each server to each other.
func (e *Ensemble) wire() error {
	e.wires = map[route]*Wire{}
	for _, from := range e.Members {
		for _, to := range e.Others(from) {
			w, err := NewWire(to.PeerAddr)
			if err != nil {
				return err
			}
			e.wires[route{from.ID, to.ID}] = w
		}
	}
	return nil
}

// Part cuts the wires between some servers and all others, and mends the rest. The ensemble must be wired.
func (e *Ensemble) Part(some ...*Member) {
	for r, w := range e.wires {
		if slices.Contains(some, e.Member(r.from)) == slices.Contains(some, e.Member(r.to)) {
			w.Mend()
		} else {
			w.Cut()
		}
	}
}

// choose takes addresses that nobody has.
func (m *Member) choose(others []*Member) (err error) {
	for m.Addr == "" || m.PeerAddr == m.Addr || slices.ContainsFunc(others, m.collides) {
		if m.Addr, err = loopback.Free(); err != nil {
			return err
		}
		if m.PeerAddr, err = loopback.Free(); err != nil {
			return err
		}
	}
	m.admin, err = client.Dial([]string{m.Addr})
	return err
}

func (m *Member) collides(o *Member) bool {
	return m.Addr == o.Addr || m.Addr == o.PeerAddr || m.PeerAddr == o.Addr || m.PeerAddr == o.PeerAddr
}

// peers is the list of all servers with where one of them reaches them, as the flag wants it.
func (e *Ensemble) peers(from *Member) string {
	var parts []string
	for _, m := range e.Members {
		role := ""
		if m.Observer {
			role = ":observer"
		}
		addr := m.PeerAddr
		if w := e.wires[route{from.ID, m.ID}]; w != nil {
			addr = w.Addr()
		}
		parts = append(parts, fmt.Sprintf("%d=%s%s", m.ID, addr, role))
	}
	return strings.Join(parts, ",")
}

// Start runs every server that does not run.
func (e *Ensemble) Start(ctx context.Context) error {
	for _, m := range e.Members {
		if !m.Running() {
			if err := m.Launch(); err != nil {
				return err
			}
		}
	}
	for _, m := range e.Members {
		if err := m.Server().Await(ctx, "listening"); err != nil {
			return fmt.Errorf("server %d: %w", m.ID, err)
		}
	}
	return nil
}

// Close kills every server that runs, and takes up the wires.
func (e *Ensemble) Close() error {
	var errs []error
	for _, m := range e.Members {
		m.Kill()
		errs = append(errs, m.admin.Close())
	}
	for _, w := range e.wires {
		errs = append(errs, w.Close())
	}
	return errors.Join(errs...)
}

// Member returns the server of an id.
func (e *Ensemble) Member(id uint32) *Member { return e.Members[id-1] }

// Others returns all servers but those.
func (e *Ensemble) Others(but ...*Member) []*Member {
	return slices.DeleteFunc(slices.Clone(e.Members), func(m *Member) bool { return slices.Contains(but, m) })
}

// Servers returns the addresses for clients, beginning with the one of a given index (modulo their number).
func (e *Ensemble) Servers(first int) []string {
	var all []string
	for i := range e.Members {
		all = append(all, e.Members[(first+i)%len(e.Members)].Addr)
	}
	return all
}

// Dial returns a client of all servers, which uses the one of a given index first.
func (e *Ensemble) Dial(first int) (*client.Client, error) { return client.Dial(e.Servers(first)) }

// Log returns the last lines that the servers have logged, at most so many, in the order of their times, each
// with its server's id in front.
func (e *Ensemble) Log(last int) string {
	type said struct {
		Line
		id uint32
	}
	var all []said
	for _, m := range e.Members {
		for _, l := range m.Lines() {
			all = append(all, said{l, m.ID})
		}
	}
	slices.SortStableFunc(all, func(a, b said) int { return cmp.Compare(a.At.UnixNano(), b.At.UnixNano()) })
	var b strings.Builder
	for _, l := range all[max(0, len(all)-last):] {
		fmt.Fprintf(&b, "[%d] %.*s\n", l.id, maxShown, l.Text)
	}
	return b.String()
}
