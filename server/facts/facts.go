package facts

import (
	"cmp"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/quorate/quorate/internal/version"
	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/server/lease"
	"github.com/quorate/quorate/server/metrics"
	"github.com/quorate/quorate/server/summary"
	"github.com/quorate/quorate/server/traffic"
	"github.com/quorate/quorate/server/watch"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/snap"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// Source is where facts come from. Its methods and functions may be called by anybody.
type Source struct {
	// Config are the settings.
	Config *config.Config
	// Build is the version of the program, Started when the server was.
	Build   string
	Started time.Time
	// ClientAddress and PeerAddress are where clients and other servers are served; PeerAddress is empty without a peer port.
	ClientAddress, PeerAddress string
	// Version is what reads see, and Store and Peer tell how they are.
	Version func() *tree.Version
	Store   func() store.Stats
	Peer    func() peer.Status
	// Deadlines are those of sessions, if this server leads; Locals those of sessions that only this server knows.
	Deadlines func() ([]lease.Deadline, bool)
	Locals    func() map[txn.SessionID]time.Time
	// Traffic, Watches and Metrics count.
	Traffic *traffic.Traffic
	Watches *watch.Hub
	Metrics *metrics.Metrics
}

// State is what a server is in its ensemble, in ZooKeeper's words.
type State string

// The states.
const (
	// Silent: the server has no leader, and serves nobody.
	Silent     State = ""
	ReadOnly   State = "read-only"
	Standalone State = "standalone"
	Leader     State = "leader"
	Follower   State = "follower"
	Observer   State = "observer"
)

// Ensemble tells whether a server in this state takes part in an ensemble.
func (s State) Ensemble() bool { return s == Leader || s == Follower || s == Observer }

// State returns what the server is now.
func (s *Source) State() State { return stateOf(s.Peer(), s.Config) }

func stateOf(p peer.Status, c *config.Config) State {
	switch {
	case p.Role == peer.Leading && len(p.Members) <= 1 && len(c.Peers) <= 1:
		return Standalone
	case p.Role == peer.Leading:
		return Leader
	case p.Role == peer.Following:
		return Follower
	case p.Role == peer.Observing:
		return Observer
	case c.ReadOnlyMode:
		return ReadOnly
	}
	return Silent
}

// Release is the version of ZooKeeper that clients are told: what they read off it is what they may ask for.
const Release = "3.9.0"

// FullVersion returns the server's version in ZooKeeper's form: three numbers first, since clients and tools take them apart.
func (s *Source) FullVersion() string {
	return Release + "-quorate-" + cmp.Or(s.Build, version.Unknown) + ", built on " + built().UTC().Format("2006-01-02 15:04 UTC")
}

// built is when the program was: by what is recorded in it, else by its file.
func built() time.Time {
	if t := version.Time(); !t.IsZero() {
		return t
	}
	if path, err := os.Executable(); err == nil {
		if info, err := os.Stat(path); err == nil {
			return info.ModTime()
		}
	}
	return time.Unix(0, 0)
}

// Sizes are the sizes of packets in bytes; each is -1 before the first.
type Sizes struct{ Last, Min, Max int64 }

func sizesOf(last int64, all summary.Reading) Sizes {
	if all.Count == 0 {
		return Sizes{-1, -1, -1}
	}
	return Sizes{last, int64(all.Min), int64(all.Max)}
}

// Server is what the words srvr and stat tell.
type Server struct {
	Version string
	State   State
	Zxid    txn.Zxid
	Nodes   int
	Uptime  time.Duration
	Traffic traffic.Stats
	// Answers are those to clients; Proposals those of a leader, nil elsewhere.
	Answers   Sizes
	Proposals *Sizes
	Dirs
}

// Dirs is how much there is on disk, in bytes.
type Dirs struct{ Data, Log int64 }

// Server returns what the server is doing.
func (s *Source) Server() Server {
	v, t := s.Version(), s.Traffic.Stats()
	out := Server{
		Version: s.FullVersion(), State: s.State(), Zxid: v.Zxid(), Nodes: v.Len(), Uptime: time.Since(s.Started),
		Traffic: t, Answers: sizesOf(t.LastSize, t.Sizes), Dirs: s.Dirs(),
	}
	if out.State == Leader {
		p := sizesOf(s.Metrics.Proposals())
		out.Proposals = &p
	}
	return out
}

// Dirs returns how much there is on disk: of snapshots, and of the log.
func (s *Source) Dirs() Dirs {
	return Dirs{Data: sizeOf(filepath.Join(s.Config.DataDir, "snap")), Log: s.Store().LogBytes}
}

// sizeOf returns the size of all files below a directory; what cannot be read counts as nothing.
func sizeOf(dir string) (size int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return nil
	})
	return size
}

// Connections returns the connections of ZooKeeper's clients, in the order in which they came.
func (s *Source) Connections() []traffic.Info {
	var all []traffic.Info
	for _, c := range s.Traffic.Conns() {
		all = append(all, c.Info())
	}
	return all
}

// ResetServer forgets packets, latencies and sizes.
func (s *Source) ResetServer() {
	s.Traffic.Reset()
	s.Metrics.ResetProposals()
}

// LastSnapshot returns the zxid of the newest snapshot and when it was written; false if there is none.
func (s *Source) LastSnapshot() (txn.Zxid, time.Time, bool) {
	z := s.Store().Snapshot
	if z == 0 {
		return 0, time.Time{}, false
	}
	info, err := os.Stat(filepath.Join(s.Config.DataDir, "snap", snap.Name(z)))
	if err != nil {
		return z, time.Unix(0, 0), true
	}
	return z, info.ModTime(), true
}

// leaderOnly are metrics that only a leader tells ZooKeeper's tools, some of which know it by them.
var leaderOnly = map[string]bool{
	"learners": true, "synced_followers": true, "synced_non_voting_followers": true, "synced_observers": true, "pending_syncs": true,
	"leader_uptime": true, "last_proposal_size": true, "max_proposal_size": true, "min_proposal_size": true,
}

// Monitor returns what the word mntr tells besides version and state: the metrics.
func (s *Source) Monitor(now State) []metrics.Value {
	var all []metrics.Value
	for _, v := range s.Metrics.Values() {
		if leaderOnly[v.Name] && now != Leader || v.Name == "quorum_size" && !now.Ensemble() {
			continue
		}
		all = append(all, v)
	}
	return all
}

// PeerState is the state with the phase of the protocol, as mntr has it: empty outside of an ensemble.
func (s State) PeerState() string {
	switch s {
	case Leader:
		return "leading - broadcast"
	case Follower:
		return "following - broadcast"
	case Observer:
		return "observing - broadcast"
	}
	return ""
}
