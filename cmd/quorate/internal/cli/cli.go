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
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
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
	// Shell is set in an interactive shell: its commands share a connection and a session.
	Shell *Shell
}

// OnTerminal tells whether a stream of the console is a terminal.
func OnTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Flags are the flags of every client verb.
type Flags struct {
	console *Console
	set     *pflag.FlagSet
	server  string
	output  string
	timeout time.Duration
	auth    []string
	tls     encryption
}

// Bind adds the flags to a set. A default server is taken from QUORATE_SERVER.
func Bind(console *Console, set *pflag.FlagSet) *Flags {
	f := defaults(console)
	f.set = set
	set.StringVar(&f.server, "server", f.server, "servers to ask, `host:port[,…]`; environment QUORATE_SERVER")
	set.StringVarP(&f.output, "output", "o", f.output, "output `format`, table or json")
	set.DurationVar(&f.timeout, "timeout", f.timeout, "how long a server may take over one request")
	set.StringArrayVar(&f.auth, "auth", f.auth, "identity to present, `scheme:credentials` such as digest:user:password; repeatable")
	f.tls.bind(set)
	return f
}

// defaults are the flags' values when none are given: in a shell those that it was started with.
func defaults(console *Console) *Flags {
	f := &Flags{console: console, server: DefaultServer, output: "table", timeout: 10 * time.Second, tls: fromEnvironment(console)}
	if env := console.Getenv("QUORATE_SERVER"); env != "" {
		f.server = env
	}
	if console.Shell != nil {
		*f = *console.Shell.Flags
		f.console = console
	}
	return f
}

// Session is a connected command: a client, a printer and the flags it was started with.
type Session struct {
	*Console
	// Client is connected to all the servers named.
	Client *client.Client
	// Keeper has the calls that read and change the tree: the client's, or in a shell those of its session.
	Keeper apiv1.KeeperClient
	// Print prints results in the format asked for.
	Print render.Printer
	// Timeout is how long one request may take; above 0.
	Timeout time.Duration
	own     *client.Session // the shell's
}

// Run connects, runs do and disconnects; in a shell it runs do on the shell's connection. Flags with bad values are errors of usage.
func (f *Flags) Run(do func(*Session) error) error {
	format, err := render.ParseFormat(f.output)
	if err != nil {
		return outcome.With(outcome.Usage, err)
	}
	if f.timeout <= 0 {
		return outcome.Usagef("--timeout %s: want more than 0", f.timeout)
	}
	s := &Session{Console: f.console, Print: render.Printer{Out: f.console.Out, Format: format}, Timeout: f.timeout}
	if shell := f.console.Shell; shell != nil && !f.elsewhere() {
		s.Client, s.Keeper, s.own = shell.Client, shell.Session.Keeper(), shell.Session
		return do(s)
	}
	c, err := f.Dial(f.Servers())
	if err != nil {
		return err
	}
	s.Client, s.Keeper = c, c.Keeper()
	err = do(s)
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
