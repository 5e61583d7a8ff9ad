package config

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/quorate/quorate/server/watch"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/wal"
)

// Log formats. [FormatAuto] is console on a terminal and JSON elsewhere.
const (
	FormatAuto    = "auto"
	FormatJSON    = "json"
	FormatConsole = "console"
)

// Overhead is what a request may take in the log, or on the wire, beyond the
// values in it: paths, access control lists, field tags. [Config.MaxRequest]
// leaves at least this much room above [Config.MaxValue].
const Overhead Size = 64 << 10

// Config is all that can be set on a server. [Default] gives a server that
// works on its own; [Config.Validate] tells what is wrong with one.
type Config struct {
	// ID is this server's number in its ensemble, 1 to 253. A data directory
	// belongs to the id it was created with. Default 1.
	ID uint
	// DataDir is the directory of log, snapshots and identity; it is created if it
	// is missing and locked while the server runs. Default ./quorate-data.
	DataDir string
	// ClientAddr is the host:port on which clients are served; an empty host is
	// every interface, port 0 a free one. Default 127.0.0.1:2181.
	ClientAddr string
	// Peers are the servers of the ensemble, this one among them, the same list on
	// all; empty for a server on its own. Once the ensemble is founded its own
	// records say who takes part, and this list only where to reach them. Default empty.
	Peers Peers
	// PeerAddr is the host:port on which other servers are served, see
	// [Config.PeerListenAddr]; an empty host is every interface. Default: this
	// server's address in Peers; without that, there is no such port.
	PeerAddr string
	// PeerSecretFile names a file that no other user may read, with a secret of 16
	// bytes or more, the same on all servers: only who has it is let in at
	// PeerAddr. Empty: everybody is, the default.
	PeerSecretFile string
	// Bootstrap lets a quorum of servers with blank directories found the ensemble;
	// otherwise all voters listed in Peers must be there, so that a server whose disk
	// was lost does not found a second one. Default false.
	Bootstrap bool
	// Weights are how much voters weigh, 1 if not listed; Groups are voters that
	// decide among themselves, as data centres. A quorum is then a majority of the
	// groups, each by a majority of its weight. The same on all servers. Default
	// empty: a majority of the voters.
	Weights Weights
	Groups  Groups

	// Tick is the pulse between servers: pings go every half of it, 2 ms to 1 min.
	// Default 200 ms. This and the next three should be the same on all servers.
	Tick time.Duration
	// InitLimit is how long a server that joins may take to find its leader, and how
	// long it may make no progress in taking over the leader's history, more than
	// Tick, to 1 h. Default 10 s.
	InitLimit time.Duration
	// SyncLimit is how long a server may be silent, or leave a transaction
	// unacknowledged, before it is given up, more than Tick, to 10 min. Default 2 s.
	SyncLimit time.Duration
	// StallLimit is how long a leader's disk may make no progress when those of a
	// quorum do, before the leader resigns, more than Tick; 0 for ever. Default 5 s.
	StallLimit time.Duration
	// MaxSnapshotSyncs and MaxDiffSyncs are how many servers a leader brings up to
	// date at a time by a snapshot and by its log, 1 to 1,000. Voters are not made
	// to wait. Default 2 and 8.
	MaxSnapshotSyncs, MaxDiffSyncs int
	// SnapshotRate is the most bytes a second that a snapshot is sent with to
	// another server, 64 KiB or more; 0 is no bound, the default.
	SnapshotRate Size
	// MetricsAddr is the host:port of /metrics (Prometheus) and /debug/pprof; an
	// empty host is the loopback interface alone, since profiles show memory.
	// Empty: off, the default.
	MetricsAddr string

	// LogLevel is the least severity that is logged: debug, info, warn or error.
	// It can be changed while the server runs. Default info.
	LogLevel string
	// LogFormat is json, console or auto. Default auto.
	LogFormat string
	// SlowCall is the duration from which a call is logged as a warning, 1 ms or
	// more; 0 never. Default 1 s.
	SlowCall time.Duration

	// MaxValue is the greatest content of one node in bytes, 1 KiB to 64 MiB.
	// Default 1 MiB, as ZooKeeper's.
	MaxValue Size
	// MaxRequest is the greatest transaction in bytes as it stands in the log, a
	// Multi with all its operations, MaxValue + 64 KiB to 128 MiB. Default 4 MiB.
	MaxRequest Size
	// EnforceQuota refuses changes beyond a hard quota; otherwise they are only
	// logged. Default false, as ZooKeeper's.
	EnforceQuota bool
	// MaxOutstanding is how many writes may wait for their commit before further
	// ones are refused as overload, 16 to 1,000,000. Default 10,000.
	MaxOutstanding int
	// MaxOutstandingBytes is how much memory these may take, twice MaxRequest to 64 GiB. Default 256 MiB.
	MaxOutstandingBytes Size
	// MaxRate is how many requests a second one identity may make: who a client proves to be, or its address; further ones are refused as overload with
	// the time to wait. 0 to 100,000,000; 0 is no bound, the default.
	MaxRate int
	// MaxConnections is how many client connections are held at a time, 1 to
	// 1,000,000; one more is closed at once. Default 10,000.
	MaxConnections int
	// MaxStreams is how many calls one connection may have open at a time, 1 to
	// 1,000,000; the client waits with the next. Default 1,000.
	MaxStreams int
	// MaxLists is how many List calls are served at a time, 1 to 100,000. Each
	// holds on to one version of the tree; one more is refused as overload. Default 256.
	MaxLists int
	// MinSessionTimeout and MaxSessionTimeout bound the time for which a session lives without a sign of its client, 10 ms
	// to 24 h, better several Ticks; a client that asks for none gets the longest. Default 1 s and 1 min.
	MinSessionTimeout, MaxSessionTimeout time.Duration
	// LocalSessions makes new sessions of streams known to their server alone until they create an ephemeral node: opening and closing
	// them costs the ensemble nothing, and they do not survive a move to another server. Default false, as ZooKeeper's.
	LocalSessions bool
	// MaxSessions is how many sessions the ensemble may have, 1 to 10,000,000; beyond it no more are opened on this server. Default 1,000,000.
	MaxSessions int
	// MaxSessionRequests is how many requests of one session may be without an answer, 1 to 100,000; no more are read until
	// there are fewer. Default 1,000.
	MaxSessionRequests int
	// ContainerInterval is how often the leader looks for containers that are empty again, and for nodes that have outlived
	// their time to live, 100 ms to 24 h; 0 never. Default 1 min. ContainerRate is how many of them it deletes in a minute, 1 to
	// 1,000,000. Default 10,000.
	ContainerInterval time.Duration
	ContainerRate     int
	// ContainerUnused is the age from which a container that never had a child is deleted too, 1 s to 10,000 h; 0 never. Default
	// 5 min, as ZooKeeper's since 3.10.
	ContainerUnused time.Duration
	// WatchHistory is how much memory the latest changes may take that a Watch may begin with, in
	// bytes, 1 MiB to 64 GiB. What is older is answered with COMPACTED. Default 64 MiB.
	WatchHistory Size
	// MaxSessionWatches is how many paths one session may watch, and MaxWatches how many all may on this server; one more is refused as overload.
	// 1 to 100,000,000. Default 250,000 and 10,000,000.
	MaxSessionWatches, MaxWatches int
	// MaxWatchStreams is how many Watch calls are served at a time, 1 to 1,000,000; one more is refused as
	// overload. Default 10,000.
	MaxWatchStreams int
	// TLSCertFile and TLSKeyFile name files in PEM with the certificate (and those that vouch for it) and the key with which
	// clients are served by TLS. Empty: clients are served without, the default.
	TLSCertFile, TLSKeyFile string
	// TLSClientCAFile names a file in PEM with the certificates that vouch for those of clients: whose subject a client proves to be is its
	// identity in the scheme x509. Empty: clients have no such identity, the default.
	TLSClientCAFile string
	// MaxPacket is the greatest packet of a ZooKeeper client in bytes, jute.maxbuffer, 1 KiB to 128 MiB; what it carries is bounded
	// by MaxValue and MaxRequest besides. Default 1 MiB less one byte, as ZooKeeper's.
	MaxPacket Size
	// MaxPerAddress is how many client connections one address may hold at a time, 0 to 1,000,000; one more is closed at once. 0 is no
	// bound, the default.
	MaxPerAddress int
	// Words are the four-letter words that are answered; "*" is all of them. Default srvr, isro, mntr, ruok and stat.
	Words Words
	// ReadOnlyMode serves ZooKeeper's clients that say they can do with it while there is no quorum: they read, and nothing else. Default true.
	ReadOnlyMode bool
	// TTLNodes lets ZooKeeper's clients create nodes with a time to live. Default true.
	TTLNodes bool
	// AdminAddr is the host:port of ZooKeeper's HTTP commands; an empty host is the loopback interface alone. Empty: off, the default.
	AdminAddr string
	// AdminPath is the path under which these are found. It begins with a slash and does not end with one. Default /commands.
	AdminPath string
	// SASLUsersFile names a file that no other user may read, one user:password a line: who may log in by SASL (DIGEST-MD5), see
	// [Config.SASLUsers]. Empty: there is no SASL, the default.
	SASLUsersFile string
	// SuperDigest is an identity that may do everything, as
	// user:base64(sha1(user:password)); once set, changing the log level and
	// asking for a snapshot need it. Empty: none, the default.
	SuperDigest string

	// SnapshotTxns is the number of transactions after which a snapshot is
	// written, 1,000 or more. Default 500,000. As many more, up to half, as chance has it: servers of an ensemble are not
	// to write at once. The same holds for SnapshotBytes.
	SnapshotTxns int64
	// SnapshotBytes is the size of log after which a snapshot is written, 1 MiB or
	// more, and never less than twice the last snapshot. Default 64 MiB.
	SnapshotBytes Size
	// SnapshotRetain is how many snapshots are kept, with the log they need, 2 to
	// 1,000. Default 3.
	SnapshotRetain int
	// SegmentSize is the size of one file of the log, 64 KiB to 1 GiB, and never
	// less than MaxRequest + 64 KiB. Default 64 MiB.
	SegmentSize Size

	// GCPercent is the growth of the heap, in percent, at which garbage is
	// collected, 10 to 1,000; 0 leaves it to GOGC. An environment with GOGC set
	// wins. Default 150. Less saves memory and costs writes on a large tree: see
	// store/tree/DESIGN.md.
	GCPercent int
}

// Default returns the settings of a server on its own, reachable from this
// machine only.
func Default() Config {
	return Config{
		ID:                  1,
		DataDir:             "./quorate-data",
		ClientAddr:          "127.0.0.1:2181",
		LogLevel:            "info",
		LogFormat:           FormatAuto,
		SlowCall:            time.Second,
		MaxValue:            1 << 20,
		MaxRequest:          4 << 20,
		MaxOutstanding:      10_000,
		MaxOutstandingBytes: 256 << 20,
		MaxConnections:      10_000,
		MaxStreams:          1_000,
		MaxLists:            256,
		MinSessionTimeout:   time.Second,
		MaxSessionTimeout:   time.Minute,
		MaxSessions:         1_000_000,
		MaxSessionRequests:  1_000,
		ContainerInterval:   time.Minute,
		ContainerRate:       10_000,
		ContainerUnused:     5 * time.Minute,
		WatchHistory:        watch.DefaultHistory,
		MaxSessionWatches:   watch.DefaultMaxWatches,
		MaxWatches:          watch.DefaultMaxTotal,
		MaxWatchStreams:     watch.DefaultMaxCursors,
		MaxPacket:           1<<20 - 1,
		Words:               Words{"srvr", "isro", "mntr", "ruok", "stat"},
		ReadOnlyMode:        true,
		TTLNodes:            true,
		AdminPath:           "/commands",
		SnapshotTxns:        500_000,
		SnapshotBytes:       64 << 20,
		SnapshotRetain:      3,
		SegmentSize:         64 << 20,
		GCPercent:           tree.GCPercent,

		Tick:             200 * time.Millisecond,
		InitLimit:        10 * time.Second,
		SyncLimit:        2 * time.Second,
		StallLimit:       5 * time.Second,
		MaxSnapshotSyncs: 2,
		MaxDiffSyncs:     8,
	}
}

// ServerID returns ID as its type. It is meaningful on a validated Config.
func (c *Config) ServerID() txn.ServerID { return txn.ServerID(c.ID) }

// PeerListenAddr returns where other servers are served: PeerAddr, or this server's own
// address in Peers; empty without either.
func (c *Config) PeerListenAddr() string {
	if c.PeerAddr != "" {
		return c.PeerAddr
	}
	own, _ := c.Peers.Find(c.ServerID())
	return own.Address
}

// Validate returns everything that is wrong with c, each a [*Problem],
// joined by [errors.Join]; nil if nothing is.
func (c *Config) Validate() error {
	var p problems
	p.addresses(c)
	p.ensemble(c)
	p.timing(c)
	p.logging(c)
	p.limits(c)
	p.zookeeper(c)
	p.tls(c)
	p.storage(c)
	return errors.Join(p...)
}

// Problem is one thing that is wrong with a Config.
type Problem struct {
	// Setting is the flag that it is about, without dashes; the first of several.
	Setting string
	// Text is a sentence that begins with that flag.
	Text string
}

// Error returns the sentence.
func (p *Problem) Error() string { return p.Text }

// problems collects what is wrong.
type problems []error

// add notes a problem unless ok. The sentence begins with --flag.
func (p *problems) add(ok bool, format string, args ...any) {
	if ok {
		return
	}
	text := fmt.Sprintf(format, args...)
	flag, _, _ := strings.Cut(strings.TrimPrefix(text, "--"), " ")
	*p = append(*p, &Problem{flag, text})
}

// between notes a number out of its range.
func (p *problems) between(flag string, n, low, high int64) {
	p.add(low <= n && n <= high, "--%s is %d: it must be %d to %d", flag, n, low, high)
}

// sized notes a size out of its range.
func (p *problems) sized(flag string, n, low, high Size) {
	p.add(low <= n && n <= high, "--%s is %s: it must be %s to %s", flag, n, low, high)
}

func (p *problems) addresses(c *Config) {
	p.add(c.DataDir != "", "--data-dir is empty: it must name a directory")
	p.address("client-addr", c.ClientAddr)
	if c.MetricsAddr != "" {
		p.address("metrics-addr", c.MetricsAddr)
	}
}

func (p *problems) address(flag, addr string) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		p.add(false, "--%s is %q: it must be host:port, e.g. 127.0.0.1:2181", flag, addr)
		return
	}
	_, err = net.LookupPort("tcp", port)
	p.add(err == nil, "--%s is %q: %q is no port, 0 to 65535", flag, addr, port)
}

func (p *problems) ensemble(c *Config) {
	p.between("id", int64(c.ID), int64(txn.MinServerID), int64(txn.MaxServerID))
	if c.PeerAddr != "" {
		p.address("peer-addr", c.PeerAddr)
	}
	if len(c.Peers) == 0 {
		p.add(len(c.Groups) == 0 && len(c.Weights) == 0, "--groups and --weights are for the servers in --peers, and there are none")
		return
	}
	_, in := c.Peers.Find(txn.ServerID(c.ID))
	p.add(in, "--peers does not list this server: --id is %d, --peers is %s", c.ID, c.Peers)
	if len(c.Peers.Voters()) == 0 {
		p.add(false, "--peers lists observers only: at least one server must vote")
		return
	}
	_, err := c.Quorum(txn.Membership{Members: c.Peers})
	p.add(err == nil, "--groups and --weights do not fit --peers: %v", err)
}

func (p *problems) timing(c *Config) {
	p.lasting("tick", c.Tick, 2*time.Millisecond, time.Minute)
	p.beyondTick("init-limit", c.InitLimit, c.Tick, time.Hour)
	p.beyondTick("sync-limit", c.SyncLimit, c.Tick, 10*time.Minute)
	if c.StallLimit != 0 {
		p.beyondTick("stall-limit", c.StallLimit, c.Tick, time.Hour)
	}
	p.between("max-snapshot-syncs", int64(c.MaxSnapshotSyncs), 1, 1_000)
	p.between("max-diff-syncs", int64(c.MaxDiffSyncs), 1, 1_000)
	p.add(c.SnapshotRate == 0 || c.SnapshotRate >= minRate, "--snapshot-rate is %s: it must be %s a second or more, or 0 for no bound", c.SnapshotRate, minRate)
}

// minRate is the least rate at which a snapshot gets ahead of the time that a learner is given.
const minRate Size = 64 << 10

// lasting notes a duration out of its range.
func (p *problems) lasting(flag string, d, low, high time.Duration) {
	p.add(low <= d && d <= high, "--%s is %v: it must be %v to %v", flag, d, low, high)
}

// lastingOrNever notes a duration out of bounds that is not 0 either.
func (p *problems) lastingOrNever(flag string, d, low, high time.Duration) {
	p.add(d == 0 || low <= d && d <= high, "--%s is %v: it must be %v to %v, or 0 for never", flag, d, low, high)
}

// beyondTick notes a limit that a single late ping would reach.
func (p *problems) beyondTick(flag string, d, tick, high time.Duration) {
	p.add(tick < d && d <= high, "--%s is %v: it must be more than --tick, which is %v, and at most %v", flag, d, tick, high)
}

func (p *problems) logging(c *Config) {
	switch c.LogLevel {
	case "debug", "info", "warn", "error":
	default:
		p.add(false, "--log-level is %q: it must be debug, info, warn or error", c.LogLevel)
	}
	switch c.LogFormat {
	case FormatAuto, FormatJSON, FormatConsole:
	default:
		p.add(false, "--log-format is %q: it must be json, console or auto", c.LogFormat)
	}
	p.add(c.SlowCall == 0 || c.SlowCall >= time.Millisecond, "--slow-call is %v: it must be 1ms or more, or 0 for never", c.SlowCall)
}

func (p *problems) limits(c *Config) {
	p.sized("max-value", c.MaxValue, 1<<10, 64<<20)
	p.sized("max-request", c.MaxRequest, c.MaxValue+Overhead, 128<<20)
	p.between("max-outstanding", int64(c.MaxOutstanding), 16, 1_000_000)
	p.sized("max-outstanding-bytes", c.MaxOutstandingBytes, 2*c.MaxRequest, 64<<30)
	p.between("max-rate", int64(c.MaxRate), 0, 100_000_000)
	p.between("max-connections", int64(c.MaxConnections), 1, 1_000_000)
	p.between("max-streams", int64(c.MaxStreams), 1, 1_000_000)
	p.between("max-lists", int64(c.MaxLists), 1, 100_000)
	p.lasting("min-session-timeout", c.MinSessionTimeout, 10*time.Millisecond, 24*time.Hour)
	p.lasting("max-session-timeout", c.MaxSessionTimeout, c.MinSessionTimeout, 24*time.Hour)
	p.between("max-sessions", int64(c.MaxSessions), 1, 10_000_000)
	p.between("max-session-requests", int64(c.MaxSessionRequests), 1, 100_000)
	p.lastingOrNever("container-interval", c.ContainerInterval, 100*time.Millisecond, 24*time.Hour)
	p.between("container-rate", int64(c.ContainerRate), 1, 1_000_000)
	p.lastingOrNever("container-unused", c.ContainerUnused, time.Second, 10_000*time.Hour)
	p.sized("watch-history", c.WatchHistory, 1<<20, 64<<30)
	p.between("max-session-watches", int64(c.MaxSessionWatches), 1, 100_000_000)
	p.between("max-watches", int64(c.MaxWatches), 1, 100_000_000)
	p.between("max-watch-streams", int64(c.MaxWatchStreams), 1, 1_000_000)
	user, hash, ok := strings.Cut(c.SuperDigest, ":")
	p.add(c.SuperDigest == "" || ok && user != "" && hash != "",
		"--super-digest must be user:base64(sha1(user:password))")
	p.add(c.GCPercent == 0 || 10 <= c.GCPercent && c.GCPercent <= 1000, "--gc-percent is %d: it must be 10 to 1000, or 0 for GOGC", c.GCPercent)
}

func (p *problems) storage(c *Config) {
	p.between("snapshot-txns", c.SnapshotTxns, 1_000, 1<<40)
	p.sized("snapshot-bytes", c.SnapshotBytes, 1<<20, 1<<40)
	p.between("snapshot-retain", int64(c.SnapshotRetain), 2, 1_000)
	p.sized("segment-size", c.SegmentSize, max(wal.MinSegmentSize, c.MaxRequest+Overhead), wal.MaxSegmentSize)
}
