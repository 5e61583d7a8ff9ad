package server

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/server/admin"
	"github.com/quorate/quorate/server/api"
	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/server/facts"
	"github.com/quorate/quorate/server/identity"
	"github.com/quorate/quorate/server/meter"
	"github.com/quorate/quorate/server/metrics"
	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/server/sasl"
	"github.com/quorate/quorate/server/session"
	"github.com/quorate/quorate/server/tracker"
	"github.com/quorate/quorate/server/traffic"
	"github.com/quorate/quorate/server/watch"
	"github.com/quorate/quorate/server/words"
	"github.com/quorate/quorate/server/zaplog"
	"github.com/quorate/quorate/server/zkwire"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/vfs"
)

// Options are what a node is given besides its settings.
type Options struct {
	// Log is where it writes; nil: nowhere.
	Log *zaplog.Logger
	// FS is where it stores; nil: the operating system's files.
	FS vfs.FS
	// Build is the version of the program.
	Build string
}

// Node is one server.
type Node struct {
	cfg     config.Config
	log     *zaplog.Logger
	metrics *metrics.Metrics
	started time.Time
	build   string

	clients   *listener
	scrapers  net.Listener      // nil without --metrics-addr
	operators net.Listener      // of ZooKeeper's HTTP commands; nil without --admin-addr
	servers   net.Listener      // where other servers come; nil without a peer port
	secret    []byte            // between servers; nil without one
	secure    *tls.Config       // for clients; nil without TLS
	users     map[string]string // who may log in by SASL; nil: nobody
	watches   *watch.Hub
	store     *store.Store
	tracker   *tracker.Tracker
	transport *peer.Transport
	peer      *peer.Peer
	pipeline  *pipeline.Pipeline
	sessions  *session.Table
	traffic   *traffic.Traffic
	zookeeper *zkwire.Server
	door      *door
	front     *front
	release   func() error // once: listeners and store
	serving   func()       // once: says that the server serves
}

// New opens what the server needs: its ports, and its store, which takes as long
// as recovery takes. Every refusal is a sentence that says what to do. It starts
// nothing; a node that will not Run must be closed.
func New(ctx context.Context, cfg config.Config, o Options) (*Node, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = zaplog.Nop()
	}
	if o.FS == nil {
		o.FS = vfs.OS{}
	}
	n := &Node{cfg: cfg, log: o.Log, metrics: metrics.New(), started: time.Now(), build: o.Build}
	n.watches = watch.New(watch.Config{History: int64(cfg.WatchHistory), MaxCursors: cfg.MaxWatchStreams, MaxWatches: cfg.MaxSessionWatches, MaxTotal: cfg.MaxWatches})
	n.release = sync.OnceValue(n.close)
	n.serving = sync.OnceFunc(func() { n.log.Serving(time.Since(n.started)) })
	if err := n.open(ctx, o.FS); err != nil {
		return nil, errors.Join(err, n.release())
	}
	if err := n.assemble(); err != nil {
		return nil, errors.Join(err, n.release())
	}
	return n, nil
}

// open takes the ports first: a wrong address is noticed before a long recovery,
// and until Run accepts them, clients wait.
func (n *Node) open(ctx context.Context, fs vfs.FS) (err error) {
	if n.secret, err = n.cfg.PeerSecret(); err != nil {
		return err
	}
	if n.secure, err = n.cfg.ClientTLS(); err != nil {
		return err
	}
	if n.users, err = n.cfg.SASLUsers(); err != nil {
		return err
	}
	if n.clients, err = listen(n.cfg.ClientAddr, n.cfg.MaxConnections, n.cfg.MaxPerAddress, n.refused); err != nil {
		return err
	}
	if n.cfg.MetricsAddr != "" {
		if n.scrapers, err = net.Listen("tcp", loopbackIfNoHost(n.cfg.MetricsAddr)); err != nil {
			return listenError(n.cfg.MetricsAddr, err)
		}
	}
	if n.cfg.AdminAddr != "" {
		if n.operators, err = net.Listen("tcp", loopbackIfNoHost(n.cfg.AdminAddr)); err != nil {
			return listenError(n.cfg.AdminAddr, err)
		}
	}
	if addr := n.cfg.PeerListenAddr(); addr != "" {
		if n.servers, err = net.Listen("tcp", addr); err != nil {
			return listenError(addr, err)
		}
	}
	n.log.Starting(n.build, settings(&n.cfg))
	if n.store, err = store.Open(ctx, n.storeConfig(fs)); err != nil {
		return err
	}
	return nil
}

// loopbackIfNoHost keeps an address without a host off the network.
func loopbackIfNoHost(addr string) string {
	if host, port, err := net.SplitHostPort(addr); err == nil && host == "" {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr
}

// headerRoom is what a txn has in the log besides its operation: numbers and the author's name.
const headerRoom = 1 << 10

// maxRecord is the greatest txn in the log.
func (n *Node) maxRecord() int { return int(n.cfg.MaxRequest) + headerRoom }

// storeConfig is how the store is opened.
func (n *Node) storeConfig(fs vfs.FS) store.Config {
	return store.Config{
		FS: fs, Dir: n.cfg.DataDir, Server: n.cfg.ServerID(),
		SegmentSize: int64(n.cfg.SegmentSize), MaxRecord: n.maxRecord(), Buffer: 2 * max(4<<20, int(n.cfg.MaxRequest)),
		SnapshotTxns: n.cfg.SnapshotTxns, SnapshotBytes: int64(n.cfg.SnapshotBytes), Stagger: true, Retain: n.cfg.SnapshotRetain,
		Random: randomNumber, Published: n.published,
		Events: both(n.log.Store(), n.metrics.Store()),
	}
}

// assemble puts the parts on the store, each on the one before.
func (n *Node) assemble() error {
	if err := n.join(); err != nil {
		return err
	}
	if err := n.fits(); err != nil {
		return err
	}
	n.pipeline = pipeline.New(pipeline.Config{
		Peer: n.peer, Store: n.store, Outstanding: n.cfg.MaxOutstanding, Bytes: int64(n.cfg.MaxOutstandingBytes),
		Limits: tree.Limits{MaxData: int(n.cfg.MaxValue), MaxRecord: int(n.cfg.MaxRequest), EnforceQuota: n.cfg.EnforceQuota},
		Events: both(n.log.Pipeline(), n.metrics.Pipeline()),
		Tick:   n.cfg.Tick, Touched: n.touched, Sweep: n.sweep(),
	})
	n.peer.Handle(n.pipeline.Forwarded)
	n.peer.HandleTouches(n.touched, n.pipeline.Heard)
	n.sessions = session.NewTable(session.Config{
		Pipeline: n.pipeline, Server: n.cfg.ServerID(), MaxSessions: n.cfg.MaxSessions, Local: n.cfg.LocalSessions, Tick: n.cfg.Tick,
		MinTimeout: n.cfg.MinSessionTimeout, MaxTimeout: n.cfg.MaxSessionTimeout, Random: randomBytes,
	})
	open := newCalls()
	prover := identity.NewProver(n.cfg.SuperDigest)
	who, rate := api.NewAuthenticator(prover), meter.New(n.cfg.MaxRate)
	links := chain(open, n.metrics.Calls, n.log.Calls(n.cfg.SlowCall), who, api.Metered{Meter: rate}, n.panicked)
	n.traffic = traffic.New()
	n.zookeeper = n.zkServer(prover, rate)
	n.door = n.newDoor()
	n.front = newFront(&n.cfg, n.secure != nil, links, n.keeper(who, rate), n.admin())
	n.front.others = n.zookeeper.Stop
	n.front.calls, n.front.onDrain, n.front.onCut = open, n.log.Draining, n.log.CutOff
	n.metrics.Calls.InitializeMetrics(n.front.grpc)
	n.metrics.Watch(metrics.Source{
		Version: n.pipeline.Version, Store: n.store.Stats, Peer: n.peer.Status,
		Connections: n.clients.open.Load, Sessions: n.sessions.Len, Resumed: n.sessions.Resumed, Build: n.build, Started: n.started,
		Calls: func() int64 { return open.open.Load() + n.traffic.Stats().Outstanding },
	})
	n.metrics.WatchTraffic(n.traffic)
	n.metrics.WatchHub(n.watches.Stats)
	n.metrics.WatchEvents(n.watches.Told)
	return nil
}

func (n *Node) keeper(who *api.Authenticator, rate *meter.Meter) *api.Keeper {
	return api.New(api.Config{
		Pipeline: n.pipeline, Sessions: n.sessions, Watches: n.watches, Standing: n.peer.Standing, Authenticator: who, Meter: rate,
		MaxValue: int(n.cfg.MaxValue), MaxLists: n.cfg.MaxLists, MaxSessionRequests: n.cfg.MaxSessionRequests,
	})
}

func (n *Node) zkServer(prover *identity.Prover, rate *meter.Meter) *zkwire.Server {
	var login *sasl.Server
	if n.users != nil {
		login = sasl.New(sasl.Config{Users: n.users, Random: randomBytes})
	}
	return zkwire.New(zkwire.Config{
		SASL: login, Pipeline: n.pipeline, Sessions: n.sessions, Watches: n.watches, Standing: n.peer.Standing, Prover: prover, Meter: rate, Traffic: n.traffic,
		Tick: n.cfg.Tick, MaxPacket: int(n.cfg.MaxPacket), MaxRequests: n.cfg.MaxSessionRequests, MaxWaiting: int64(n.cfg.MaxOutstandingBytes), ReadOnly: n.cfg.ReadOnlyMode, TTLNodes: n.cfg.TTLNodes,
		Panicked: func(value any, stack []byte) { n.panicked("a ZooKeeper client's request", value, stack) },
	})
}

// facts are what there is to tell of this server.
func (n *Node) facts() *facts.Source {
	return &facts.Source{
		Config: &n.cfg, Build: n.build, Started: n.started, ClientAddress: n.Addr(), PeerAddress: n.PeerAddr(),
		Version: n.pipeline.Version, Store: n.store.Stats, Peer: n.peer.Status, Deadlines: n.pipeline.Deadlines, Locals: n.sessions.Locals,
		Traffic: n.traffic, Watches: n.watches, Metrics: n.metrics,
	}
}

// newDoor is where all clients come in. TLS offers gRPC's protocol; ZooKeeper's clients ask for none.
func (n *Node) newDoor() *door {
	told := words.New(words.Config{Facts: n.facts(), Enabled: n.cfg.Words})
	d := &door{listener: n.clients, zookeeper: n.zookeeper.Serve, known: words.Is, answer: told.Answer}
	if n.secure != nil {
		d.secure = n.secure.Clone()
		d.secure.NextProtos = []string{"h2"}
	}
	return d
}

// published tells of a new version, before reads see it: first whoever watches, then the sessions that have ended.
func (n *Node) published(p store.Publication) {
	n.watches.Published(p)
	if n.sessions != nil { // no client is there while the store is being opened
		n.sessions.Published(p)
	}
}

func (n *Node) admin() *admin.Admin {
	return admin.New(admin.Config{
		Store: n.store, PeerStatus: n.peer.Status, PeerResign: n.peer.Resign, Version: n.pipeline.Version,
		PlaceOf: n.cfg.PlaceOf, Conversations: n.tracker.Conversations, SetLogLevel: n.log.SetLevel, NeedSuper: n.cfg.SuperDigest != "",
		Build: n.build, Started: n.started, ClientAddress: n.Addr(), PeerAddress: n.PeerAddr(),
	})
}

// Addr returns the address on which clients are served.
func (n *Node) Addr() string { return n.clients.Addr().String() }

// PeerAddr returns the address on which other servers are served, empty if none are.
func (n *Node) PeerAddr() string {
	if n.servers == nil {
		return ""
	}
	return n.servers.Addr().String()
}

// MetricsAddr returns the address of /metrics, empty if it is off.
func (n *Node) MetricsAddr() string {
	if n.scrapers == nil {
		return ""
	}
	return n.scrapers.Addr().String()
}

// Run serves until ctx ends; then it drains, stops and returns nil within 5
// seconds. It returns an error if the server cannot go on, such as that of a
// disk that failed. The node is closed when it returns.
func (n *Node) Run(ctx context.Context) error {
	n.log.Listening(n.Addr(), n.PeerAddr(), n.MetricsAddr(), n.AdminAddr())
	parts := []part{{"store", n.store.Run}}
	if n.servers != nil { // below the peer: what is in flight when the server stops needs the others
		n.warnIfOpen()
		parts = append(parts, part{"peer port", n.servePeers})
	}
	parts = append(parts, part{"peer", n.peer.Run}, part{"pipeline", n.pipeline.Run}, part{"sessions", n.sessions.Run})
	if n.scrapers != nil {
		parts = append(parts, part{"metrics", n.serveMetrics})
	}
	if n.operators != nil {
		parts = append(parts, part{"HTTP commands", n.serveCommands})
	}
	parts = append(parts, part{"clients", func(ctx context.Context) error { return n.front.serve(ctx, n.door) }})
	err := errors.Join(runParts(ctx, parts), n.Close())
	n.log.Stopped(time.Since(n.started), err)
	return err
}

// Close gives ports and directory back. Run does it too; again is harmless.
func (n *Node) Close() error { return n.release() }

func (n *Node) close() error {
	var errs []error
	if n.clients != nil {
		errs = append(errs, closed(n.clients.Close()))
	}
	for _, l := range []net.Listener{n.scrapers, n.operators, n.servers} {
		if l != nil {
			errs = append(errs, closed(l.Close()))
		}
	}
	if n.store != nil {
		errs = append(errs, n.store.Close())
	}
	return errors.Join(errs...)
}

// closed takes a listener that was closed before for closed.
func closed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// serveMetrics serves /metrics and profiles until ctx ends, without waiting for scrapes.
func (n *Node) serveMetrics(ctx context.Context) error {
	s := &http.Server{Handler: n.metrics.Handler(), ReadHeaderTimeout: handshakeLimit}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.Serve(n.scrapers); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// settings are the settings as the log shows them.
func settings(c *config.Config) []zaplog.Setting {
	var all []zaplog.Setting
	for _, s := range c.Settings() {
		all = append(all, zaplog.Setting(s))
	}
	return all
}

func (n *Node) refused(remote net.Addr) {
	n.metrics.ConnectionRefused()
	n.log.ConnectionRefused(remote.String(), n.cfg.MaxConnections)
}

func (n *Node) panicked(method string, value any, stack []byte) {
	n.metrics.Panicked()
	n.log.Panicked(method, value, stack)
}
