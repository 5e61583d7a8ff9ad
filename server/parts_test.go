package server

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

// recorded returns parts a, b and c that note when they stop.
func recorded(stopped *[]string) []part {
	var all []part
	for _, name := range []string{"a", "b", "c"} {
		all = append(all, part{name, func(ctx context.Context) error {
			<-ctx.Done()
			*stopped = append(*stopped, name) // one at a time, in order: no lock, and -race would tell
			return nil
		}})
	}
	return all
}

func TestPartsStopInReverseOrder(t *testing.T) {
	var stopped []string
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := runParts(ctx, recorded(&stopped)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(stopped, []string{"c", "b", "a"}) {
		t.Errorf("stopped %v", stopped)
	}
}

func TestPartThatFailsStopsTheOthers(t *testing.T) {
	var stopped []string
	broken := errors.New("the disk is gone")
	parts := append(recorded(&stopped), part{"store", func(context.Context) error { return broken }})
	err := runParts(t.Context(), parts)
	if !errors.Is(err, broken) || err.Error() != "store: the disk is gone" {
		t.Errorf("got %v", err)
	}
	if !slices.Equal(stopped, []string{"c", "b", "a"}) {
		t.Errorf("stopped %v", stopped)
	}
}

func TestPartThatEndsWithoutReasonIsAFailure(t *testing.T) {
	err := runParts(t.Context(), []part{{"peer", func(context.Context) error { return nil }}})
	if err == nil || !strings.Contains(err.Error(), "peer ended") {
		t.Errorf("got %v", err)
	}
}

func TestPartsTellTheCauseAndEveryError(t *testing.T) {
	cause := errors.New("SIGTERM")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	fail := func(ctx context.Context) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	err := runParts(ctx, []part{{"x", fail}, {"y", fail}})
	if !errors.Is(err, cause) || err.Error() != "x: SIGTERM\ny: SIGTERM" {
		t.Errorf("got %v", err)
	}
}
