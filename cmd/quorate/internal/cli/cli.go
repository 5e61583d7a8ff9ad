package cli

import (
	"context"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/term"
	"google.golang.org/grpc"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	"github.com/quorate/quorate/cmd/quorate/internal/render"
)

// DefaultServer is the server that is asked when none is named.
const DefaultServer = "127.0.0.1:2181"

// Console is what a command sees of the world outside.
type Console struct {
	// In, Out and Err are the standard streams.
	In       io.Reader
	Out, Err io.Writer
	// Getenv looks up environment variables, as os.Getenv does.
	Getenv func(string) string
}

// OnTerminal tells whether a stream of the console is a terminal.
func OnTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Flags are the flags of every client verb.
type Flags struct {
	console *Console
	server  string
	output  string
	timeout time.Duration
	auth    []string
	tls     encryption
}

// Bind adds the flags to a set. A default server is taken from QUORATE_SERVER.
func Bind(console *Console, set *pflag.FlagSet) *Flags {
	f := &Flags{console: console}
	server := DefaultServer
	if env := console.Getenv("QUORATE_SERVER"); env != "" {
		server = env
	}
	set.StringVar(&f.server, "server", server, "servers to ask, `host:port[,…]`; environment QUORATE_SERVER")
	set.StringVarP(&f.output, "output", "o", "table", "output `format`, table or json")
	set.DurationVar(&f.timeout, "timeout", 10*time.Second, "how long a server may take over one request")
	set.StringArrayVar(&f.auth, "auth", nil, "identity to present, `scheme:credentials` such as digest:user:password; repeatable")
	f.tls.bind(console, set)
	return f
}

// Session is a connected command: a client, a printer and the flags it was started with.
type Session struct {
	*Console
	// Client is connected to all the servers named.
	Client *client.Client
	// Print prints results in the format asked for.
	Print render.Printer
	// Timeout is how long one request may take; above 0.
	Timeout time.Duration
}

// Run connects, runs do and disconnects. Flags with bad values are errors of usage.
func (f *Flags) Run(do func(*Session) error) error {
	format, err := render.ParseFormat(f.output)
	if err != nil {
		return outcome.With(outcome.Usage, err)
	}
	if f.timeout <= 0 {
		return outcome.Usagef("--timeout %s: want more than 0", f.timeout)
	}
	c, err := f.Dial(f.Servers())
	if err != nil {
		return err
	}
	err = do(&Session{Console: f.console, Client: c, Print: render.Printer{Out: f.console.Out, Format: format}, Timeout: f.timeout})
	_ = c.Close() // nothing is lost by a connection that does not close well
	return err
}

// Servers returns the addresses named, blanks and empty ones left out.
func (f *Flags) Servers() []string {
	var servers []string
	for _, s := range strings.Split(f.server, ",") {
		if s = strings.TrimSpace(s); s != "" {
			servers = append(servers, s)
		}
	}
	return servers
}

// Dial connects to servers with the identities given by the flags.
func (f *Flags) Dial(servers []string) (*client.Client, error) {
	opts, err := f.tls.options()
	if err != nil {
		return nil, outcome.With(outcome.Usage, err)
	}
	for _, a := range f.auth {
		scheme, credentials, ok := strings.Cut(a, ":")
		if !ok || scheme == "" {
			return nil, outcome.Usagef("--auth: want scheme:credentials, such as digest:user:password")
		}
		opts = append(opts, client.WithAuth(scheme, credentials))
	}
	return client.Dial(servers, opts...)
}

// Context returns a context for one request.
func (s *Session) Context(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.Timeout)
}

// Call makes one request within the session's timeout and returns its reply.
func Call[Request, Reply any](ctx context.Context, s *Session, call func(context.Context, Request, ...grpc.CallOption) (Reply, error), r Request) (Reply, error) {
	ctx, cancel := s.Context(ctx)
	defer cancel()
	return call(ctx, r)
}
