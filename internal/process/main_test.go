package process_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/quorate/quorate/internal/loopback"
	"github.com/quorate/quorate/internal/process"
)

// binaryEnv names the program under test, so that it is built once for all tests.
const binaryEnv = "QUORATE_TEST_BINARY"

func TestMain(m *testing.M) { os.Exit(runAll(m)) }

func runAll(m *testing.M) int {
	if os.Getenv(binaryEnv) == "" {
		dir, err := os.MkdirTemp("", "quorate-process")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(dir) }()
		path, err := process.Build(context.Background(), dir)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		if err := os.Setenv(binaryEnv, path); err != nil {
			return 1
		}
	}
	return m.Run()
}

func binary() string { return os.Getenv(binaryEnv) }

// address returns a free address, the same for every life of a server.
func address(t *testing.T) string {
	t.Helper()
	addr, err := loopback.Free()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// start runs a server that is killed at the test's end if it still runs then.
func start(t *testing.T, addr string, args ...string) *process.Server {
	t.Helper()
	s, err := process.Start(t.Context(), binary(), addr, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	return s
}
