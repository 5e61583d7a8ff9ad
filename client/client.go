package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"

	adminv1 "github.com/quorate/quorate/gen/quorate/admin/v1"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// MaxMessageSize is the greatest message sent or received, in bytes. It leaves
// room for a value well above the server's usual limit of 1 MiB, so that it is the
// server that refuses a value, with its reason.
const MaxMessageSize = 64 << 20

// connectTimeout is how long one server may take to accept a connection before
// the next one is asked. Without it a server behind a silent firewall would hold up
// a call until the call's own deadline.
const connectTimeout = 3 * time.Second

// pingAfter is how long a connection with calls on it may be silent before it is asked for a sign of life.
const pingAfter = 10 * time.Second

// Client is a connection to an ensemble. It is safe for concurrent use.
type Client struct {
	// Tree has the calls that read and change the tree, each for itself.
	Tree
	conns *failover
	life  context.Context // ends with Close, and with it the client's sessions
	end   context.CancelFunc
}

// The keys of a call's metadata.
const (
	authHeader    = "quorate-auth"    // an identity, one value each
	sessionHeader = "quorate-session" // the session that the call names
)

// InSession returns a context whose unary calls name a session, by the credential that Keeper.OpenSession gave out: they keep it alive,
// and what they create may be ephemeral. It is for programs that hold a session without a stream; others use [Client.OpenSession].
func InSession(ctx context.Context, credential string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, sessionHeader, credential)
}

// options is what the Option functions fill in.
type options struct {
	auth   []string // key, value, key, value…
	dialer func(context.Context, string) (net.Conn, error)
	tls    *tls.Config // nil: in the clear
}

// Option changes how [Dial] connects.
type Option func(*options)

// WithAuth presents credentials of a scheme with every call, e.g. "digest" and
// "user:password". It may be given several times: the caller then has all these
// identities. They travel as they are: over an untrusted network the connection
// has to be protected.
func WithAuth(scheme, credentials string) Option {
	return func(o *options) { o.auth = append(o.auth, authHeader, scheme+" "+credentials) }
}

// WithDialer makes the connections: to a proxy, say, or within a program. It is given an address as it stands in Dial.
func WithDialer(dial func(ctx context.Context, address string) (net.Conn, error)) Option {
	return func(o *options) { o.dialer = dial }
}

// WithTLS protects the connections. The settings say whom to trust (RootCAs) and, where servers ask for it, who
// the caller is (Certificates); a server's certificate has to be for the host in its address unless they name another. They
// are copied.
func WithTLS(settings *tls.Config) Option {
	return func(o *options) { o.tls = settings.Clone() }
}

// Dial prepares a client for the servers at the given addresses, each host:port.
// It connects at the first call, not before: an unreachable server is an error of
// that call. The error here is [ErrBadAddress] for an address that is none, or for none at all.
func Dial(servers []string, opts ...Option) (*Client, error) {
	if len(servers) == 0 {
		return nil, fmt.Errorf("%w: no server given", ErrBadAddress)
	}
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	f := &failover{auth: o.auth}
	for _, address := range servers {
		if err := checkAddress(address); err != nil {
			return nil, errors.Join(err, f.close())
		}
		conn, err := grpc.NewClient("passthrough:///"+address, dialOptions(o)...)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%w: %q: %w", ErrBadAddress, address, err), f.close())
		}
		f.servers = append(f.servers, server{address: address, conn: conn})
	}
	c := &Client{conns: f}
	c.Tree = Tree{via: unary{keeper: c.Keeper()}}
	c.life, c.end = context.WithCancel(context.Background())
	return c, nil
}

// Keeper returns the calls that read and change the tree.
func (c *Client) Keeper() apiv1.KeeperClient { return apiv1.NewKeeperClient(c.conns) }

// Admin returns the calls for operators. They are answered by whichever server
// the client is with; to ask a certain one, dial that one alone.
func (c *Client) Admin() adminv1.AdminClient { return adminv1.NewAdminClient(c.conns) }

// Servers returns the addresses given to Dial.
func (c *Client) Servers() []string {
	addresses := make([]string, 0, len(c.conns.servers))
	for _, s := range c.conns.servers {
		addresses = append(addresses, s.address)
	}
	return slices.Clip(addresses)
}

// Close ends all connections; calls in progress fail. The client cannot be used
// afterwards. Its sessions end for this program with [ErrClosed], and on the servers by their timeout: to end one
// at once, close it first.
func (c *Client) Close() error {
	c.end()
	return c.conns.close()
}

func dialOptions(o options) []grpc.DialOption {
	transport := insecure.NewCredentials()
	if o.tls != nil {
		transport = credentials.NewTLS(o.tls)
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(MaxMessageSize),
			grpc.MaxCallSendMsgSize(MaxMessageSize),
		),
		// gRPC's own back-off starts at a second and grows to two minutes: far too
		// slow for a server that is restarted.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: connectTimeout,
		}),
		// A connection over which nothing comes any more is given up, so that the next call makes a new one. Servers bear a ping every 5 s.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingAfter, Timeout: connectTimeout}),
		grpc.WithDisableServiceConfig(),
	}
	if o.dialer != nil {
		options = append(options, grpc.WithContextDialer(o.dialer))
	}
	return options
}

// checkAddress refuses what cannot be host:port, so that a slip of the pen is told
// from a server that is down.
func checkAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %q is not host:port", ErrBadAddress, address)
	case host == "":
		return fmt.Errorf("%w: %q has no host", ErrBadAddress, address)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("%w: %q: the port must be a number from 1 to 65535", ErrBadAddress, address)
	}
	return nil
}
