package tenure_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	"github.com/quorate/quorate/cmd/quorate/internal/tenure"
)

// saysAndWaits is a program that says that it runs, and goes on until a signal comes.
const saysAndWaits = `trap 'echo TERM; exit 5' TERM; trap 'echo HUP' HUP; echo runs; while :; do sleep 0.01; done`

// program runs a shell script; what it says is read from the pipe.
func program(script string, signals <-chan os.Signal) (tenure.Program, *io.PipeReader, *io.PipeWriter) {
	out, w := io.Pipe()
	console := &cli.Console{In: strings.NewReader(""), Out: w, Err: w}
	return tenure.Program{Console: console, Args: []string{"sh", "-c", script}, TokenName: "TOKEN", Signals: signals}, out, w
}

func line(t *testing.T, r io.Reader) string {
	t.Helper()
	b, one := bytes.Buffer{}, make([]byte, 1)
	for {
		if _, err := r.Read(one); err != nil || one[0] == '\n' {
			return b.String()
		}
		b.Write(one)
	}
}

func TestSignalsArePassedOn(t *testing.T) {
	t.Parallel()
	signals := make(chan os.Signal, 1)
	p, out, _ := program(saysAndWaits, signals)
	ended := make(chan error, 1)
	go func() { ended <- p.Run(t.Context(), 1, nil) }()
	said := line(t, out)
	signals <- syscall.SIGHUP
	said += " " + line(t, out)
	signals <- syscall.SIGTERM
	said += " " + line(t, out)
	if err := <-ended; said != "runs HUP TERM" || outcome.Of(err) != 5 || outcome.Explain(err) != "" {
		t.Errorf("it said %q, and ended with %v, code %d", said, err, outcome.Of(err))
	}
}

func TestALossStopsTheProgram(t *testing.T) {
	t.Parallel()
	lost := make(chan struct{})
	p, out, _ := program(saysAndWaits, nil)
	ended := make(chan error, 1)
	go func() { ended <- p.Run(t.Context(), 1, lost) }()
	line(t, out)
	close(lost)
	if said := line(t, out); said != "TERM" {
		t.Errorf("it said %q", said)
	}
	if err := <-ended; outcome.Of(err) != outcome.Lost || !errors.Is(err, client.ErrSessionExpired) {
		t.Errorf("got %v", err)
	}
}

func TestTheTokenIsInTheEnvironment(t *testing.T) {
	t.Parallel()
	p, out, w := program("echo $TOKEN", nil)
	ended := make(chan error, 1)
	go func() { ended <- p.Run(t.Context(), client.Zxid(3)<<32|7, nil); _ = w.Close() }()
	if said := line(t, out); said != "12884901895" {
		t.Errorf("it said %q", said)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestWithTheContextTheProgramEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	p, out, _ := program(saysAndWaits, nil)
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx, 1, nil) }()
	line(t, out)
	cancel()
	if said := line(t, out); said != "TERM" {
		t.Errorf("it said %q", said)
	}
	if err := <-ended; outcome.Of(err) != 5 {
		t.Errorf("got %v", err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"no-such-program"}, {"/"}} {
		if err := (tenure.Program{Args: args}).Check(); outcome.Of(err) != outcome.Usage {
			t.Errorf("%v: %v", args, err)
		}
	}
	if err := (tenure.Program{Args: []string{"sh"}}).Check(); err != nil {
		t.Error(err)
	}
}
