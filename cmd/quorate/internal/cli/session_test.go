package cli_test

import (
	"testing"

	"github.com/quorate/quorate/cmd/quorate/internal/cli"
)

func TestPath(t *testing.T) {
	t.Parallel()
	outside, root, app := &cli.Console{}, &cli.Console{Shell: &cli.Shell{Dir: "/"}}, &cli.Console{Shell: &cli.Shell{Dir: "/app"}}
	for _, c := range []struct {
		console      *cli.Console
		arg          string
		path, prefix string
	}{
		{outside, "", "/", "/"},
		{outside, "a", "a", "a"}, // a server says what is wrong with it
		{outside, "/a/", "/a/", "/a/"},
		{root, "", "/", "/"},
		{root, "/", "/", "/"},
		{root, "a", "/a", "/a"},
		{root, "..", "/", "/"},
		{app, "", "/app", "/app"},
		{app, "a", "/app/a", "/app/a"},
		{app, "a/", "/app/a", "/app/a/"},
		{app, "./a/b", "/app/a/b", "/app/a/b"},
		{app, "../b/", "/b", "/b/"},
		{app, "..", "/", "/"},
		{app, "../", "/", "/"},
		{app, "/b/", "/b", "/b/"},
		{app, "/b/../c", "/b/../c", "/b/../c"},
		{app, "/", "/", "/"},
	} {
		if path, prefix := c.console.Path(c.arg), c.console.Prefix(c.arg); path != c.path || prefix != c.prefix {
			t.Errorf("%+v: %q is %q and %q, want %q and %q", c.console.Shell, c.arg, path, prefix, c.path, c.prefix)
		}
	}
}
