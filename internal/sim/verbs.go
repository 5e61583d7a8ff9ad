package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quorate/quorate/peer"
)

// patience is how long a command waits in simulated time for what it awaits.
const patience = time.Minute

// verb does a command and returns its answer, a line each.
type verb func(s *script, words []string) ([]string, error)

// verbs are the commands of a script; see there.
var verbs = map[string]verb{
	"start":     each(func(h *Host) error { h.Start(); return nil }),
	"stop":      each(func(h *Host) error { h.Stop(); return nil }),
	"wipe":      each(wipe),
	"resume":    each(resume),
	"isolate":   each(isolate),
	"crash":     crash,
	"pause":     pause,
	"run":       run,
	"await":     await,
	"cut":       cut,
	"partition": partition,
	"heal":      heal,
	"favour":    favour,
	"elect":     elect,
	"resign":    resign,
	"slow":      slow,
	"room":      room,
	"create":    request("create"),
	"set":       request("set"),
	"delete":    request("delete"),
	"get":       request("get"),
	"read":      request("read"),
	"sync":      request("sync"),
	"begin":     begin,
	"log":       logOf,
	"load":      load,
	"expect":    expect,
	"hide":      hide,
	"show":      show,
}

func each(do func(*Host) error) verb {
	return func(s *script, words []string) ([]string, error) { return nil, s.each(words, do) }
}

func wipe(h *Host) error {
	if h.Up() {
		return fmt.Errorf("server %d runs", h.ID)
	}
	h.Wipe()
	return nil
}

func resume(h *Host) error {
	if l := h.current(); l != nil {
		l.releaseAll()
	}
	return nil
}

func isolate(h *Host) error {
	for _, other := range h.world.hosts {
		if other != h {
			h.world.net.Cut(h.ID, other.ID)
			h.world.net.Cut(other.ID, h.ID)
		}
	}
	return nil
}

// crash is crash 1 [keep=…] [at TEXT].
func crash(s *script, words []string) ([]string, error) {
	h, rest, err := s.one(words)
	if err != nil {
		return nil, err
	}
	keep := KeepSynced
	if len(rest) > 0 && strings.HasPrefix(rest[0], "keep=") {
		if keep, err = parseKeep(rest[0]); err != nil {
			return nil, err
		}
		rest = rest[1:]
	}
	if len(rest) == 0 {
		if !h.Up() {
			return nil, errors.New("it is down")
		}
		h.Crash(keep)
		return nil, nil
	}
	return nil, s.trap(h, rest, crashAfter(keep))
}

func parseKeep(word string) (Keep, error) {
	keeps := map[string]Keep{"keep=synced": KeepSynced, "keep=all": KeepAll, "keep=some": KeepSome, "keep=cache": KeepCache}
	keep, ok := keeps[word]
	if !ok {
		return 0, fmt.Errorf("no such thing as %s", word)
	}
	return keep, nil
}

// pause is pause 1 at TEXT, or pause 1 2 at TEXT: each of them does, and none is waited for before it is watched.
func pause(s *script, words []string) ([]string, error) {
	n := slices.Index(words, "at")
	if n < 0 || n+1 == len(words) {
		return nil, errNowhere
	}
	var traps []*trap
	err := s.each(words[:n], func(h *Host) error {
		traps = append(traps, h.set(strings.Join(words[n+1:], " "), (*life).hold))
		return nil
	})
	for _, t := range traps {
		if err == nil {
			err = s.awaitTrap(t)
		}
	}
	return nil, err
}

var errNowhere = errors.New("at which event?")

// trap waits until the server emits an event and what is done there is begun.
func (s *script) trap(h *Host, words []string, do func(*life, *trap)) error {
	if len(words) < 2 || words[0] != "at" {
		return errNowhere
	}
	t := h.set(strings.Join(words[1:], " "), do)
	return s.awaitTrap(t)
}

func (s *script) awaitTrap(t *trap) error {
	select {
	case <-t.hit:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("no such event in %v", patience)
	}
}

func run(s *script, words []string) ([]string, error) {
	if len(words) != 1 {
		return nil, errors.New("for how long?")
	}
	d, err := time.ParseDuration(words[0])
	if err == nil {
		s.world.Run(d)
	}
	return nil, err
}

// await is await leader, await all, await load, await quiet and await 1 TEXT.
func await(s *script, words []string) ([]string, error) {
	switch strings.Join(words, " ") {
	case "leader":
		return nil, s.await(func() bool { return s.world.Leader() != 0 })
	case "all":
		return nil, s.await(s.world.serving)
	case "load":
		return nil, s.await(func() bool { return s.loads.Load() == 0 })
	case "quiet":
		return nil, s.await(s.world.trace.quietFor(time.Second))
	}
	h, rest, err := s.one(words)
	if err != nil {
		return nil, err
	}
	return nil, s.awaitTrap(h.set(strings.Join(rest, " "), func(_ *life, t *trap) { close(t.hit) }))
}

func (s *script) await(so func() bool) error {
	if !s.world.Await(patience, so) {
		return fmt.Errorf("not within %v", patience)
	}
	return nil
}

// serving tells whether every server that runs has a leader and is up to date with it.
func (w *World) serving() bool {
	for _, h := range w.hosts {
		if !h.Up() {
			continue
		}
		if r := h.server(); r == nil || r.peer.Standing().Role == peer.Looking {
			return false
		}
	}
	return w.Leader() != 0
}

func cut(s *script, words []string) ([]string, error) {
	from, rest, err := s.one(words)
	if err != nil {
		return nil, err
	}
	to, _, err := s.one(rest)
	if err != nil {
		return nil, err
	}
	s.world.net.Cut(from.ID, to.ID)
	return nil, nil
}

// partition is partition 1 2 | 3; a server that is not named is on its own.
func partition(s *script, words []string) ([]string, error) {
	group := map[*Host]int{}
	for _, h := range s.world.hosts {
		group[h] = -int(h.ID)
	}
	side := 0
	for _, w := range words {
		if w == "|" {
			side++
			continue
		}
		h, err := s.host(w)
		if err != nil {
			return nil, err
		}
		group[h] = side
	}
	s.world.Partition(func(a, b *Host) bool { return group[a] == group[b] })
	return nil, nil
}

// Partition lets messages pass between those servers only of which together says so.
func (w *World) Partition(together func(a, b *Host) bool) {
	for _, a := range w.hosts {
		for _, b := range w.hosts {
			if a == b || together(a, b) {
				w.net.Heal(a.ID, b.ID)
			} else {
				w.net.Cut(a.ID, b.ID)
			}
		}
	}
}

func heal(s *script, _ []string) ([]string, error) {
	s.world.Partition(func(_, _ *Host) bool { return true })
	return nil, nil
}

// favour is favour 1, or favour nobody.
func favour(s *script, words []string) ([]string, error) {
	if len(words) == 1 && words[0] == "nobody" {
		s.world.net.Favour(0)
		return nil, nil
	}
	return nil, s.each(words, func(h *Host) error { s.world.net.Favour(h.ID); return nil })
}

// elect lets the leader resign in favour of a server, and waits until that leads.
func elect(s *script, words []string) ([]string, error) {
	h, _, err := s.one(words)
	if err != nil {
		return nil, err
	}
	if err := s.await(func() bool { return s.world.Leader() != 0 }); err != nil {
		return nil, err
	}
	if leader := s.world.Leader(); leader != h.ID {
		if err := s.resign(s.world.Host(leader), h); err != nil {
			return nil, err
		}
	}
	return nil, s.await(func() bool { return s.world.Leader() == h.ID })
}

func resign(s *script, words []string) ([]string, error) {
	h, _, err := s.one(words)
	if err != nil {
		return nil, err
	}
	return nil, s.resign(h, &Host{})
}

func (s *script) resign(leader, successor *Host) error {
	r := leader.server()
	if r == nil {
		return errors.New("it is down")
	}
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	return r.peer.Resign(ctx, successor.ID)
}

func slow(s *script, words []string) ([]string, error) {
	h, rest, err := s.one(words)
	if err != nil || len(rest) != 1 {
		return nil, errors.Join(err, errors.New("which server, and how slow?"))
	}
	span, err := parseSpan(rest[0])
	if err == nil {
		h.Slow(span)
	}
	return nil, err
}

func room(s *script, words []string) ([]string, error) {
	h, rest, err := s.one(words)
	if err != nil || len(rest) != 1 {
		return nil, errors.Join(err, errors.New("which server, and how much?"))
	}
	bytes, err := strconv.ParseInt(rest[0], 10, 64)
	if err == nil {
		h.Limit(bytes)
	}
	return nil, err
}

func hide(s *script, words []string) ([]string, error) {
	s.hidden = append(s.hidden, strings.Join(words, " "))
	return nil, nil
}

// show ends the hides.
func show(s *script, _ []string) ([]string, error) {
	s.hidden = nil
	return nil, nil
}

// logOf shows what is on a server's disk.
func logOf(s *script, words []string) ([]string, error) {
	var lines []string
	err := s.each(words, func(h *Host) error {
		line, err := h.describe()
		lines = append(lines, line)
		return err
	})
	return lines, err
}
