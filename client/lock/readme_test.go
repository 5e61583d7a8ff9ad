package lock_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/internal/trial"
	"github.com/quorate/quorate/client/lock"
)

// greet is the README's ten lines.
func greet(ctx context.Context, c *client.Client) error {
	s, err := c.OpenSession(ctx) // c, err := client.Dial([]string{"127.0.0.1:2181"})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close(ctx) }()
	held, err := lock.New(s, "/locks/greeting").Lock(ctx)
	if err != nil {
		return err
	}
	_, err = s.Multi(ctx, held.Guard(), client.SetOp("/greeting", []byte("hello from the one")))
	return errors.Join(err, held.Unlock(ctx))
}

func TestReadmeHoldsALock(t *testing.T) {
	trial.Run(t, func(w *trial.World) {
		_, err := w.Client.Create(w.Context(), "/greeting", nil)
		w.Must(err)
		w.Must(greet(w.Context(), w.Client))
		if n, err := w.Client.Get(w.Context(), "/greeting"); err != nil || string(n.Data) != "hello from the one" {
			w.Errorf("%q, %v", n.Data, err)
		}
	})
}

func TestReadmeIsWhatIsTested(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.ReadFile("readme_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```go\n")
	lines, _, found := strings.Cut(rest, "```")
	indented := "\t" + strings.ReplaceAll(strings.TrimSuffix(lines, "\n"), "\n", "\n\t") + "\n"
	if !found || !strings.Contains(string(here), indented) {
		t.Errorf("the README's Go is not greet:\n%s", lines)
	}
}
