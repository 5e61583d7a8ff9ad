package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// EnvPrefix begins the name of every environment variable: the flag --data-dir
// is QUORATE_DATA_DIR.
const EnvPrefix = "QUORATE_"

// Section is a part of the settings that belong together.
type Section struct {
	// Title is a few words.
	Title string
	add   func(*Config, *pflag.FlagSet)
}

// Sections returns the parts of the settings, in the order in which they are shown.
func Sections() []Section {
	return []Section{
		{"The server", (*Config).serverFlags},
		{"The ensemble", (*Config).ensembleFlags},
		{"Time between servers", (*Config).timeFlags},
		{"Logging", (*Config).logFlags},
		{"Requests and connections", (*Config).requestFlags},
		{"Sessions, containers and watches", (*Config).sessionFlags},
		{"ZooKeeper's clients", (*Config).zookeeperFlags},
		{"TLS and the super user", (*Config).secureFlags},
		{"Storage and memory", (*Config).storageFlags},
	}
}

// Flags adds the flags of the section to fs; their defaults are c's present values.
func (s Section) Flags(c *Config, fs *pflag.FlagSet) { s.add(c, fs) }

// Flags adds a flag for every field to fs; their defaults are c's present values.
func (c *Config) Flags(fs *pflag.FlagSet) {
	for _, s := range Sections() {
		s.Flags(c, fs)
	}
}

func (c *Config) serverFlags(fs *pflag.FlagSet) {
	fs.UintVar(&c.ID, "id", c.ID, "number of this server in its ensemble, 1 to 253")
	fs.StringVar(&c.DataDir, "data-dir", c.DataDir, "`directory` of log, snapshots and identity")
	fs.StringVar(&c.ClientAddr, "client-addr", c.ClientAddr, "`host:port` on which clients are served")
	fs.StringVar(&c.MetricsAddr, "metrics-addr", c.MetricsAddr, "`host:port` of /metrics and /debug/pprof, loopback if the host is empty; off if not given")
}

func (c *Config) ensembleFlags(fs *pflag.FlagSet) {
	fs.Var(&c.Peers, "peers", "servers of the ensemble, this one among them: 1=host:port,2=host:port:observer")
	fs.StringVar(&c.PeerAddr, "peer-addr", c.PeerAddr, "`host:port` on which other servers are served; its own address in --peers if not given")
	fs.StringVar(&c.PeerSecretFile, "peer-secret-file", c.PeerSecretFile, "`file` with the secret that servers show each other, 16 bytes or more; its mode must be 0600 or less")
	fs.BoolVar(&c.Bootstrap, "bootstrap", c.Bootstrap, "found an ensemble as soon as a quorum of blank servers is there, not all voters")
	fs.Var(&c.Weights, "weights", "weights of voters, 1 if not given: 1=2,2=0")
	fs.Var(&c.Groups, "groups", "groups of voters, of which a majority must agree: 1,2,3;4,5,6;7,8,9")
}

func (c *Config) timeFlags(fs *pflag.FlagSet) {
	fs.DurationVar(&c.Tick, "tick", c.Tick, "pulse between servers")
	fs.DurationVar(&c.InitLimit, "init-limit", c.InitLimit, "how long a server that joins may take without progress")
	fs.DurationVar(&c.SyncLimit, "sync-limit", c.SyncLimit, "how long a server may be silent before it is given up")
	fs.DurationVar(&c.StallLimit, "stall-limit", c.StallLimit, "how long a leader's disk may stall before it resigns; 0 for ever")
	fs.IntVar(&c.MaxSnapshotSyncs, "max-snapshot-syncs", c.MaxSnapshotSyncs, "servers brought up to date by a snapshot at a time; voters never wait")
	fs.IntVar(&c.MaxDiffSyncs, "max-diff-syncs", c.MaxDiffSyncs, "servers brought up to date by the log at a time; voters never wait")
	fs.Var(&c.SnapshotRate, "snapshot-rate", "bytes a second at which a snapshot is sent to another server at most; 0 no bound")
}

func (c *Config) logFlags(fs *pflag.FlagSet) {
	fs.StringVar(&c.LogLevel, "log-level", c.LogLevel, "debug, info, warn or error")
	fs.StringVar(&c.LogFormat, "log-format", c.LogFormat, "json, console or auto: console on a terminal")
	fs.DurationVar(&c.SlowCall, "slow-call", c.SlowCall, "calls from this duration on are logged as warnings; 0 never")
}

func (c *Config) requestFlags(fs *pflag.FlagSet) {
	fs.Var(&c.MaxValue, "max-value", "greatest content of one node")
	fs.Var(&c.MaxRequest, "max-request", "greatest transaction, a Multi with all its operations")
	fs.BoolVar(&c.EnforceQuota, "enforce-quota", c.EnforceQuota, "refuse changes beyond a hard quota")
	fs.IntVar(&c.MaxOutstanding, "max-outstanding", c.MaxOutstanding, "writes that may wait for their commit")
	fs.Var(&c.MaxOutstandingBytes, "max-outstanding-bytes", "memory that these may take")
	fs.IntVar(&c.MaxRate, "max-rate", c.MaxRate, "requests a second of one identity; 0 no bound")
	fs.IntVar(&c.MaxConnections, "max-connections", c.MaxConnections, "client connections at a time")
	fs.IntVar(&c.MaxPerAddress, "max-connections-per-address", c.MaxPerAddress, "client connections of one address at a time; 0 no bound")
	fs.IntVar(&c.MaxStreams, "max-streams", c.MaxStreams, "open calls of one connection at a time")
	fs.IntVar(&c.MaxLists, "max-lists", c.MaxLists, "List calls at a time")
}

func (c *Config) sessionFlags(fs *pflag.FlagSet) {
	fs.DurationVar(&c.MinSessionTimeout, "min-session-timeout", c.MinSessionTimeout, "least time for which a session lives without a sign of its client")
	fs.DurationVar(&c.MaxSessionTimeout, "max-session-timeout", c.MaxSessionTimeout, "greatest such time, and that of who asks for none")
	fs.BoolVar(&c.LocalSessions, "local-sessions", c.LocalSessions, "new sessions of streams are known to their server alone until they create an ephemeral node")
	fs.IntVar(&c.MaxSessions, "max-sessions", c.MaxSessions, "sessions of the ensemble; beyond it no more are opened here")
	fs.IntVar(&c.MaxSessionRequests, "max-session-requests", c.MaxSessionRequests, "requests of one session without an answer")
	fs.DurationVar(&c.ContainerInterval, "container-interval", c.ContainerInterval, "how often empty containers and nodes beyond their time to live are looked for; 0 never")
	fs.IntVar(&c.ContainerRate, "container-rate", c.ContainerRate, "how many of them are deleted in a minute")
	fs.DurationVar(&c.ContainerUnused, "container-unused", c.ContainerUnused, "age from which a container that never had a child is deleted; 0 never")
	fs.Var(&c.WatchHistory, "watch-history", "memory of the changes that a Watch may begin with")
	fs.IntVar(&c.MaxSessionWatches, "max-session-watches", c.MaxSessionWatches, "paths that one session may watch")
	fs.IntVar(&c.MaxWatches, "max-watches", c.MaxWatches, "paths that all sessions of this server may watch together")
	fs.IntVar(&c.MaxWatchStreams, "max-watch-streams", c.MaxWatchStreams, "Watch calls at a time")
}

func (c *Config) zookeeperFlags(fs *pflag.FlagSet) {
	fs.Var(&c.MaxPacket, "max-packet", "greatest packet of a ZooKeeper client (jute.maxbuffer)")
	fs.Var(&c.Words, "words", "four-letter words that are answered; * is all of them")
	fs.BoolVar(&c.ReadOnlyMode, "read-only-mode", c.ReadOnlyMode, "without a quorum, ZooKeeper clients that say they can do with it may read")
	fs.BoolVar(&c.TTLNodes, "ttl-nodes", c.TTLNodes, "ZooKeeper clients may create nodes with a time to live")
	fs.StringVar(&c.AdminAddr, "admin-addr", c.AdminAddr, "`host:port` of ZooKeeper's HTTP commands, loopback if the host is empty; off if not given")
	fs.StringVar(&c.AdminPath, "admin-path", c.AdminPath, "`path` under which these are found")
	fs.StringVar(&c.SASLUsersFile, "sasl-users-file", c.SASLUsersFile, "`file` with user:password lines of who may log in by SASL; its mode must be 0600 or less; SASL is off if not given")
}

func (c *Config) secureFlags(fs *pflag.FlagSet) {
	fs.StringVar(&c.TLSCertFile, "tls-cert-file", c.TLSCertFile, "`file` in PEM with the certificate with which clients are served by TLS")
	fs.StringVar(&c.TLSKeyFile, "tls-key-file", c.TLSKeyFile, "`file` in PEM with its key")
	fs.StringVar(&c.TLSClientCAFile, "tls-client-ca-file", c.TLSClientCAFile, "`file` in PEM with the certificates that vouch for clients, who then are their subjects in the scheme x509")
	fs.StringVar(&c.SuperDigest, "super-digest", c.SuperDigest, "`identity` that may do everything: user:base64(sha1(user:password))")
}

func (c *Config) storageFlags(fs *pflag.FlagSet) {
	fs.Int64Var(&c.SnapshotTxns, "snapshot-txns", c.SnapshotTxns, "transactions after which a snapshot is written, or up to half as many more")
	fs.Var(&c.SnapshotBytes, "snapshot-bytes", "log after which a snapshot is written, at least twice the last snapshot")
	fs.IntVar(&c.SnapshotRetain, "snapshot-retain", c.SnapshotRetain, "snapshots that are kept")
	fs.Var(&c.SegmentSize, "segment-size", "size of one file of the log")
	fs.IntVar(&c.GCPercent, "gc-percent", c.GCPercent, "growth of the heap at which garbage is collected; 0 or GOGC set: as GOGC says")
}

// EnvName returns the environment variable of a flag.
func EnvName(flag string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Env sets every flag of fs that the command line left alone from its
// environment variable, if there is one; lookup is [os.LookupEnv]. It returns
// all values that could not be read.
func Env(fs *pflag.FlagSet, lookup func(string) (string, bool)) error {
	var all []error
	fs.VisitAll(func(f *pflag.Flag) {
		value, ok := lookup(EnvName(f.Name))
		if !ok || f.Changed {
			return
		}
		if err := fs.Set(f.Name, value); err != nil {
			all = append(all, fmt.Errorf("%s=%q: %w", EnvName(f.Name), value, errors.Unwrap(err)))
		}
	})
	return errors.Join(all...)
}

// Setting is one field as it is shown: its flag and its value.
type Setting struct{ Name, Value string }

// SecretSetting is the setting that is not shown.
const SecretSetting = "super-digest"

// Settings returns every setting with its value, in the order of the names; the
// super digest is shown as set or not.
func (c Config) Settings() []Setting {
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	c.Flags(fs)
	var all []Setting
	fs.VisitAll(func(f *pflag.Flag) {
		value := f.Value.String()
		if f.Name == SecretSetting && value != "" {
			value = "(set)"
		}
		all = append(all, Setting{f.Name, value})
	})
	return all
}
