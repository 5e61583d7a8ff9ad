package cli

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
)

// Shell is what the commands of an interactive shell share.
type Shell struct {
	// Client is connected to the servers that the shell was started for.
	Client *client.Client
	// Session is the one on which all its commands are carried out.
	Session *client.Session
	// Flags are those that the shell was started with.
	Flags *Flags
	// Dir is the path of the node where relative paths begin.
	Dir string
}

// Occupied is the standard input of the commands of a script: the script stands there.
type Occupied struct{}

// Read implements [io.Reader]; there is nothing to read.
func (Occupied) Read([]byte) (int, error) {
	return 0, outcome.Usagef("the commands of this shell come from there: give the content as an argument or with --file")
}

// Path returns the path that an argument means. In a shell it may be relative, "" is the shell's own place, and a
// slash at the end does no harm; outside it is what was typed, and / if that is nothing.
func (c *Console) Path(arg string) string {
	if c.Shell == nil {
		if arg == "" {
			return "/"
		}
		return arg
	}
	if strings.HasPrefix(arg, "/") {
		return "/" + strings.TrimPrefix(strings.TrimRight(arg, "/"), "/")
	}
	return path.Join(c.Shell.Dir, arg)
}

// Prefix is Path for the path of a sequential node: a slash at its end stays.
func (c *Console) Prefix(arg string) string {
	p := c.Path(arg)
	if c.Shell != nil && strings.HasSuffix(arg, "/") && p != "/" {
		p += "/"
	}
	return p
}

// elsewhere tells whether a command of a shell names its own servers or identities: it has its own connection then.
func (f *Flags) elsewhere() bool {
	return slices.ContainsFunc([]string{"server", "auth", "tls", "tls-ca", "tls-cert", "tls-key"}, f.set.Changed)
}

// BindSession adds the flag of the verbs that open a session.
func BindSession(set *pflag.FlagSet) *time.Duration {
	return set.Duration("session-timeout", client.DefaultSessionTimeout, "how long the session lives without a sign of this program")
}

// OpenSession opens a session within the time of one request. The error of a timeout that is none is one of usage.
func (s *Session) OpenSession(ctx context.Context, timeout time.Duration) (*client.Session, error) {
	if timeout < time.Millisecond {
		return nil, outcome.Usagef("--session-timeout %s: want at least 1ms", timeout)
	}
	ctx, cancel := s.Context(ctx)
	defer cancel()
	return s.Client.OpenSession(ctx, client.SessionTimeout(timeout))
}

// CloseSession closes a session, also when ctx has ended. One that does not close now ends by its timeout.
func (s *Session) CloseSession(ctx context.Context, own *client.Session) {
	ctx, cancel := s.Context(context.WithoutCancel(ctx))
	defer cancel()
	_ = own.Close(ctx)
}

// Within runs do within a session of its own, which ends with it, or in a shell within the shell's. do's calls are those of the
// session.
func (s *Session) Within(ctx context.Context, timeout time.Duration, do func(*Session, *client.Session) error) error {
	if s.own != nil {
		return do(s, s.own)
	}
	own, err := s.OpenSession(ctx, timeout)
	if err != nil {
		return err
	}
	defer s.CloseSession(ctx, own)
	inside := *s
	inside.Keeper, inside.own = own.Keeper(), own
	return do(&inside, own)
}
