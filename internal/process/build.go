package process

import (
	"context"
	"fmt"
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
