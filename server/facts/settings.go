package facts

import (
	"fmt"
	"math"
	"net"
	"os"
	"os/user"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/store/txn"
)

// Setting is one line of the word conf, and one field of the command configuration; which of the two do not have it have no name for it.
type Setting struct {
	Word, Command string
	Value         any // an int64 or a string
}

// Settings returns how the server is set up, in ZooKeeper's names. The members of the ensemble are not among them.
func (s *Source) Settings() []Setting {
	c, d := s.Config, s.Dirs()
	all := []Setting{
		{"clientPort", "client_port", port(s.ClientAddress)},
		{"secureClientPort", "secure_client_port", s.securePort()},
		{"dataDir", "data_dir", c.DataDir},
		{"dataDirSize", "", d.Data},
		{"dataLogDir", "data_log_dir", c.DataDir},
		{"dataLogSize", "", d.Log},
		{"tickTime", "tick_time", c.Tick.Milliseconds()},
		{"maxClientCnxns", "max_client_cnxns", int64(c.MaxPerAddress)},
		{"minSessionTimeout", "min_session_timeout", c.MinSessionTimeout.Milliseconds()},
		{"maxSessionTimeout", "max_session_timeout", c.MaxSessionTimeout.Milliseconds()},
		{"clientPortListenBacklog", "client_port_listen_backlog", int64(-1)},
		{"serverId", "server_id", int64(c.ID)},
	}
	if s.PeerAddress == "" {
		return all
	}
	return append(all,
		Setting{"initLimit", "init_limit", s.ticks(c.InitLimit)},
		Setting{"syncLimit", "sync_limit", s.ticks(c.SyncLimit)},
		Setting{"electionAlg", "election_alg", int64(3)},
		Setting{"electionPort", "election_port", port(s.PeerAddress)},
		Setting{"quorumPort", "quorum_port", port(s.PeerAddress)},
		Setting{"peerType", "peer_type", s.peerType()},
	)
}

// securePort is the client port if clients come by TLS, which is then all there is; else -1.
func (s *Source) securePort() int64 {
	if s.Config.TLSCertFile == "" {
		return -1
	}
	return port(s.ClientAddress)
}

// ticks is a time in ticks, rounded up.
func (s *Source) ticks(d time.Duration) int64 {
	return int64(math.Ceil(float64(d) / float64(s.Config.Tick)))
}

// peerType is ZooKeeper's number for a server with a vote, or for one without.
func (s *Source) peerType() int64 {
	if own, in := s.Config.Peers.Find(s.Config.ServerID()); in && own.Role == txn.Observer {
		return 1
	}
	return 0
}

func port(addr string) int64 {
	_, p, err := net.SplitHostPort(addr)
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(p, 10, 32)
	return n
}

// configPath is the node that tells the members of the ensemble.
const configPath = "/zookeeper/config"

// Membership returns the members of the ensemble as the node /zookeeper/config has them.
func (s *Source) Membership() string {
	n, ok := s.Version().Get(configPath)
	if !ok {
		return ""
	}
	return string(n.Data())
}

// Variable is one line of the word envi.
type Variable struct{ Name, Value string }

// Environment returns what the process runs in. What ZooKeeper tells of Java is told of Go.
func (s *Source) Environment() []Variable {
	host, _ := os.Hostname()
	dir, _ := os.Getwd()
	memory := memoryOf()
	return append([]Variable{
		{"zookeeper.version", s.FullVersion()},
		{"host.name", host},
		{"go.version", runtime.Version()},
		{"go.compiler", runtime.Compiler},
		{"go.maxprocs", strconv.Itoa(runtime.GOMAXPROCS(0))},
		{"go.io.tmpdir", os.TempDir()},
		{"os.name", osName()},
		{"os.arch", runtime.GOARCH},
		{"os.version", osVersion()},
	}, append(userOf(), []Variable{
		{"user.dir", dir},
		{"os.memory.free", megabytes(memory.free)},
		{"os.memory.max", megabytes(memory.max)},
		{"os.memory.total", megabytes(memory.total)},
	}...)...)
}

func userOf() []Variable {
	u, err := user.Current()
	if err != nil {
		return []Variable{{"user.name", ""}, {"user.home", ""}}
	}
	return []Variable{{"user.name", u.Username}, {"user.home", u.HomeDir}}
}

// osName is the system's name as Java writes it.
func osName() string { return strings.ToUpper(runtime.GOOS[:1]) + runtime.GOOS[1:] }

func osVersion() string {
	b, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(b))
}

// memory is that of the process in bytes: what it has from the system, how much of that is free, and what it may have.
type memory struct{ free, max, total uint64 }

func memoryOf() memory {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(samples)
	return memory{free: samples[1].Value.Uint64(), max: uint64(debug.SetMemoryLimit(-1)), total: samples[0].Value.Uint64()}
}

func megabytes(n uint64) string { return fmt.Sprintf("%dMB", n>>20) }

// Ensemble is where the server stands in it.
type Ensemble struct {
	ID, Leader txn.ServerID
	// LeaderHost is where the leader is, empty if that is not known.
	LeaderHost string
	Members    []peer.MemberStatus
	Learners   []peer.LearnerStatus
	// Votes tells whether this server is listed as a voter.
	Votes bool
	Zxid  txn.Zxid
}

// Ensemble returns where the server stands.
func (s *Source) Ensemble() Ensemble {
	p := s.Peer()
	e := Ensemble{ID: s.Config.ServerID(), Leader: p.Leader, Members: p.Members, Learners: p.Learners, Zxid: s.Version().Zxid()}
	for _, m := range p.Members {
		if m.ID == p.Leader {
			e.LeaderHost, _, _ = net.SplitHostPort(m.Address)
		}
		if m.ID == e.ID {
			e.Votes = m.Role != txn.Observer
		}
	}
	return e
}
