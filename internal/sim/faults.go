package sim

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quorate/quorate/peer"
)

// nemesis does harm to a world, one thing at a time or several that overlap, as the seed says.
type nemesis struct {
	world *World
	seed  uint64
	drawn uint64
	pause Span // between two harms
	wipes bool
	undo  []undo // what is to be undone later
}

// undo is what ends a harm.
type undo struct {
	at time.Time
	do func()
}

func newNemesis(w *World, pause Span, wipes bool) *nemesis {
	return &nemesis{world: w, seed: mix(w.config.Seed, 4), pause: pause, wipes: wipes}
}

func (n *nemesis) draw(below int) int {
	n.drawn++
	return int(mix(n.seed, n.drawn) % uint64(below))
}

func (n *nemesis) span(s Span) time.Duration {
	n.drawn++
	return s.draw(mix(n.seed, n.drawn))
}

// run does harm for a time, or until enough says so, and then undoes what it has done.
func (n *nemesis) run(d time.Duration, enough func() bool) {
	for end := time.Now().Add(d); time.Now().Before(end) && !enough(); {
		n.world.Run(n.span(n.pause))
		n.undoneBy(time.Now())
		n.harm()
	}
	n.undoneBy(time.Now().Add(time.Hour))
	n.world.Partition(func(_, _ *Host) bool { return true })
	for _, h := range n.world.hosts {
		h.Slow(n.world.config.Disk)
		h.Limit(-1)
		h.Start()
	}
}

// undoneBy undoes what is due, in the order in which it was done.
func (n *nemesis) undoneBy(now time.Time) {
	var rest []undo
	for _, u := range n.undo {
		if u.at.After(now) {
			rest = append(rest, u)
		} else {
			u.do()
		}
	}
	n.undo = rest
}

func (n *nemesis) later(s Span, do func()) {
	n.undo = append(n.undo, undo{time.Now().Add(n.span(s)), do})
}

// harm does one thing.
func (n *nemesis) harm() {
	h := n.world.hosts[n.draw(len(n.world.hosts))]
	switch kind := n.draw(100); {
	case kind < 20:
		n.crash(h)
	case kind < 35:
		n.crashAt(h)
	case kind < 40:
		n.stop(h)
	case kind < 60:
		n.partition()
	case kind < 67:
		n.cut(h)
	case kind < 75:
		n.slowDisk(h)
	case kind < 80:
		n.slowLink(h)
	case kind < 86:
		n.fullDisk(h)
	case kind < 90:
		n.brokenDisk(h)
	case kind < 94:
		n.resign()
	case kind < 98:
		n.favour(h)
	default:
		n.wipe(h)
	}
}

// soon is how long most harms last.
var soon = Span{50 * time.Millisecond, 5 * time.Second}

func (n *nemesis) keep() Keep { return Keep(n.draw(int(KeepCache) + 1)) }

func (n *nemesis) crash(h *Host) {
	if !h.Up() {
		return
	}
	h.Crash(n.keep())
	n.later(Span{0, 3 * time.Second}, h.Start)
}

// places are events between two durable steps of the protocol.
var crashPoints = []string{
	"accepted epoch", "current epoch", "established", "promised", "synced by", "history durable", "up to date", "DIFF", "TRUNC", "SNAP",
	"proposes epoch", "came, accepted", "installed snapshot", "founded", "elected", "resigned", "role", "readmitting",
}

// crashAt lets the server crash when it next makes a step.
func (n *nemesis) crashAt(h *Host) {
	keep, text := n.keep(), crashPoints[n.draw(len(crashPoints))]
	t := h.set(text, crashAfter(keep))
	n.later(Span{time.Second, 5 * time.Second}, func() {
		h.unset(t)
		h.Start()
	})
}

func (n *nemesis) stop(h *Host) {
	if l := h.current(); l != nil {
		h.world.trace.note(h.ID, "is stopped")
		l.stop()
		n.later(soon, h.Start)
	}
}

// partition cuts the servers into two groups.
func (n *nemesis) partition() {
	sides := make([]int, len(n.world.hosts)+1)
	for i := range sides {
		sides[i] = n.draw(2)
	}
	n.world.trace.note(0, "partition %v", sides[1:])
	n.world.Partition(func(a, b *Host) bool { return sides[a.ID] == sides[b.ID] })
	n.later(soon, n.heal)
}

func (n *nemesis) heal() {
	n.world.trace.note(0, "heal")
	n.world.Partition(func(_, _ *Host) bool { return true })
}

// cut cuts one direction of one link.
func (n *nemesis) cut(h *Host) {
	to := n.world.hosts[n.draw(len(n.world.hosts))]
	if to == h {
		return
	}
	n.world.trace.note(0, "cut %d → %d", h.ID, to.ID)
	n.world.net.Cut(h.ID, to.ID)
	n.later(soon, func() { n.world.net.Heal(h.ID, to.ID) })
}

func (n *nemesis) slowDisk(h *Host) {
	slow := n.span(Span{10 * time.Millisecond, 3 * time.Second})
	n.world.trace.note(h.ID, "slow disk: %v", slow)
	h.Slow(Span{slow / 2, slow})
	n.later(soon, func() { h.Slow(n.world.config.Disk) })
}

func (n *nemesis) slowLink(h *Host) {
	slow := n.span(Span{10 * time.Millisecond, time.Second})
	n.world.trace.note(h.ID, "slow link: %v", slow)
	for _, other := range n.world.hosts {
		n.world.net.SetLatency(h.ID, other.ID, Span{slow / 2, slow})
	}
	n.later(soon, func() {
		for _, other := range n.world.hosts {
			n.world.net.SetLatency(h.ID, other.ID, n.world.config.Network.Latency)
		}
	})
}

// fullDisk leaves a server little or no room.
func (n *nemesis) fullDisk(h *Host) {
	room := int64(n.draw(100_000))
	n.world.trace.note(h.ID, "full disk: %d bytes left", room)
	h.Limit(h.used() + room)
	n.later(soon, func() {
		h.Limit(-1)
		h.Start()
	})
}

var errBroken = errors.New("the disk is broken")

// brokenDisk lets fdatasyncs fail until the server has ended and is started again.
func (n *nemesis) brokenDisk(h *Host) {
	if l := h.current(); l != nil {
		n.world.trace.note(h.ID, "broken disk")
		l.disk.breakDown(errBroken)
		n.later(Span{time.Second, 5 * time.Second}, func() {
			h.Crash(n.keep())
			h.Start()
		})
	}
}

// resign asks the leader to, half of the time in favour of somebody.
func (n *nemesis) resign() {
	leader := n.world.Leader()
	if leader == 0 {
		return
	}
	successor := n.world.hosts[n.draw(len(n.world.hosts))].ID
	if n.draw(2) == 0 {
		successor = 0
	}
	r := n.world.Host(leader).server()
	n.world.trace.note(leader, "is asked to resign in favour of %d", successor)
	n.world.lives.Go(func() {
		ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		_ = r.peer.Resign(ctx, successor) // it may be no voter, or have resigned
	})
}

// favour lets elections come out for a server, whatever it stands on.
func (n *nemesis) favour(h *Host) {
	n.world.trace.note(h.ID, "is favoured")
	n.world.net.Favour(h.ID)
	n.later(soon, func() { n.world.net.Favour(0) })
}

// wipe takes a server's disk away, if all the others are there to make up for it.
func (n *nemesis) wipe(h *Host) {
	if !n.wipes || !n.world.allCount() {
		return
	}
	n.world.trace.note(h.ID, "lost disk")
	h.Crash(KeepSynced)
	h.Wipe()
	h.Start()
}

// allCount tells whether every voter serves, with the disk that the membership names.
func (w *World) allCount() bool {
	for _, h := range w.hosts {
		r := h.server()
		if r == nil || r.peer.Standing().Role == peer.Looking {
			return false
		}
		m, founded := r.store.Version().Membership()
		if !founded {
			return false
		}
		for _, member := range m.Members {
			if member.ID == h.ID && member.Storage != r.store.Identity().Storage {
				return false
			}
		}
	}
	return true
}

// String tells what a nemesis is.
func (n *nemesis) String() string { return fmt.Sprintf("a harm every %v", n.pause) }
