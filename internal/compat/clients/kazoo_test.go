package clients

import (
	"os/exec"
	"testing"
)

// TestKazoo has kazoo, the client of Python, do all that it can.
func TestKazoo(t *testing.T) {
	python := pythonWith(t, "kazoo")
	e := run(t, "--words", "*", "--super-digest", "super:lK75jTNcA+U9vtVEw5vB51mj/w4=") // its password is "secret"
	obey(t, e, exec.CommandContext(t.Context(), python, "testdata/kazoo_client.py", hosts(e)))
}

// pythonWith returns a Python that has a package. The first in the path may be one of the user's own, without what Debian has installed.
func pythonWith(t *testing.T, pkg string) string {
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), python, "-c", "import "+pkg).Run() == nil {
			return python
		}
	}
	t.Skipf("there is no Python with %s (Debian: python3-%s)", pkg, pkg)
	return ""
}
