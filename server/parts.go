package server

import (
	"context"
	"errors"
	"fmt"
)

// part is something that runs as long as its context and returns nil when that ends.
type part struct {
	name string
	run  func(context.Context) error
}

// running is a part that was started.
type running struct {
	part
	stop context.CancelCauseFunc
	done chan struct{} // closed after err is set
	err  error
}

// runParts runs the parts until ctx ends or one of them ends by itself, and then
// stops them one after the other, last first. It returns when all have ended,
// with what went wrong in any. A part that ends by itself has failed.
func runParts(ctx context.Context, parts []part) error {
	ended := make(chan *running, len(parts))
	all := make([]*running, len(parts))
	for i, p := range parts {
		all[i] = start(ctx, p, ended)
	}
	var early *running
	cause := errors.New("another part has failed")
	select {
	case <-ctx.Done():
		cause = context.Cause(ctx)
	case early = <-ended:
	}
	var errs []error
	if early != nil && early.err == nil {
		errs = append(errs, fmt.Errorf("%s ended without a reason", early.name))
	}
	for i := len(all) - 1; i >= 0; i-- {
		all[i].stop(cause)
		<-all[i].done
	}
	for _, r := range all {
		if r.err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", r.name, r.err))
		}
	}
	return errors.Join(errs...)
}

// start runs one part with a context that outlives ctx, until it is stopped in its turn.
func start(ctx context.Context, p part, ended chan<- *running) *running {
	own, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	r := &running{part: p, stop: stop, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		defer stop(nil)
		r.err = p.run(own)
		ended <- r
	}()
	return r
}
