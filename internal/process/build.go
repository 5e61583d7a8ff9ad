package process

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
)

// Build compiles the program into dir and returns the path of the binary.
func Build(ctx context.Context, dir string) (string, error) {
	path := dir + "/quorate"
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/quorate/quorate/cmd/quorate")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
}

// The ports that [FreeAddress] chooses from. Systems give connections ports of their own from
// 32768 (Linux) or 49152 on: a server that was killed finds its port free when it comes back.
const firstPort, lastPort = 20_000, 32_000

// FreeAddress returns a loopback address that was free a moment ago.
func FreeAddress() (string, error) {
	var errs error
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(lastPort-firstPort)))
		if err == nil {
			return l.Addr().String(), l.Close()
		}
		errs = errors.Join(errs, err)
	}
	return "", errs
}
