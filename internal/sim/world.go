package sim

import (
	"fmt"
	"sync"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// Config says what a world is like.
type Config struct {
	// Seed is where all chance comes from.
	Seed uint64
	// Members are the servers, with the ids 1, 2 and so on, that found the ensemble.
	Members []txn.Member
	// Network is what lies between them. Its Seed is set from this one's.
	Network NetworkConfig
	// Disk is how long an fdatasync takes; more than 0.
	Disk Span
	// Timing, Limits and Bootstrap are those of the servers.
	Timing    peer.Timing
	Limits    peer.Limits
	Bootstrap bool
	// SnapshotTxns is the number of txns between two snapshots; 0: the store's default.
	SnapshotTxns int64
	// Messages puts those that arrive into the trace, too; not those over gRPC.
	Messages bool
	// GRPC lets the servers speak over the transport of production, on connections of the network.
	GRPC bool
}

// World is an ensemble in simulated time. It lives in one synctest bubble; its methods are
// for the goroutine that made it.
type World struct {
	config    Config
	net       *Network
	transport Transport
	hosts     []*Host // in the order of their ids
	trace     *Trace
	checker   *checker
	lives     sync.WaitGroup
}

// NewWorld returns a world in which no server runs yet.
func NewWorld(c Config) *World {
	c.Network.Seed = mix(c.Seed, 1)
	w := &World{config: c, trace: newTrace()}
	if c.Messages {
		c.Network.Arrived = w.trace.message
	}
	w.net = NewNetwork(c.Network)
	w.transport = w.net
	if c.GRPC {
		w.transport = NewGRPC(w.net, c.Timing)
	}
	for i, m := range c.Members {
		if int(m.ID) != i+1 {
			panic(fmt.Sprintf("sim: the servers of a world have the ids 1, 2 and so on; number %d has %d", i+1, m.ID))
		}
		h := &Host{ID: m.ID, world: w, took: c.Disk}
		h.mu.mem = vfs.NewMem()
		w.hosts = append(w.hosts, h)
	}
	w.checker = newChecker(w)
	return w
}

// Members returns a list of voters and then observers.
func Members(voters, observers int) []txn.Member {
	var all []txn.Member
	for i := range voters + observers {
		m := txn.Member{ID: txn.ServerID(i + 1), Role: txn.Voter}
		if i >= voters {
			m.Role = txn.Observer
		}
		all = append(all, m)
	}
	return all
}

// Host returns a server.
func (w *World) Host(id txn.ServerID) *Host { return w.hosts[id-1] }

// Network returns what lies between the servers.
func (w *World) Network() *Network { return w.net }

// Trace returns what happened so far.
func (w *World) Trace() *Trace { return w.trace }

// Run lets time pass, and then all that happens at its end.
func (w *World) Run(d time.Duration) {
	time.Sleep(worldPlace.in(d))
	synctest.Wait()
}

// Await runs until something is so, looking after each millisecond, or returns false after a time.
func (w *World) Await(limit time.Duration, so func() bool) bool {
	for end := time.Now().Add(limit); !so(); {
		if !time.Now().Before(end) {
			return false
		}
		w.Run(time.Millisecond)
	}
	return true
}

// Leader returns the server that leads and is not dead; 0 without. Of two the one in the later epoch.
func (w *World) Leader() txn.ServerID {
	var leader txn.ServerID
	var epoch txn.Epoch
	for _, h := range w.hosts {
		if r := h.server(); r != nil {
			if s := r.peer.Standing(); s.Role == peer.Leading && s.Term.Epoch() > epoch {
				leader, epoch = h.ID, s.Term.Epoch()
			}
		}
	}
	return leader
}

// Close heals the network, ends all lives and returns when nothing is left of them.
func (w *World) Close() {
	for _, a := range w.hosts {
		for _, b := range w.hosts {
			w.net.Heal(a.ID, b.ID)
		}
		if l := a.current(); l != nil {
			l.releaseAll()
			l.stop()
		}
	}
	w.lives.Wait()
}

// Broken returns the rules that were broken so far, and how.
func (w *World) Broken() []string { return w.checker.Broken() }
