package vigil

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	"github.com/quorate/quorate/cmd/quorate/internal/render"
)

// Vigil is a set of watches, one a path. It is safe for concurrent use.
type Vigil struct {
	wait sync.WaitGroup
	mu   struct {
		sync.Mutex
		all map[string]*client.Watcher
	}
}

// New returns a Vigil without watches.
func New() *Vigil {
	v := &Vigil{}
	v.mu.all = map[string]*client.Watcher{}
	return v
}

// Watch leaves a watch on a path of the session, of the node or with recursive of all below it, too, and prints what it tells
// until it is removed or the session ends. What it could not tell is said on complaints. A second watch on a path is an error
// of usage.
func (v *Vigil) Watch(ctx context.Context, s *client.Session, path string, recursive bool, p render.Printer, complaints io.Writer) error {
	v.mu.Lock()
	_, there := v.mu.all[path]
	v.mu.Unlock()
	if there {
		return outcome.Usagef("%s is watched already: `unwatch %s` first", path, path)
	}
	mode := client.WatchPersistent
	if recursive {
		mode = client.WatchRecursive
	}
	w, err := s.Watch(ctx, path, mode)
	if err != nil {
		return err
	}
	v.mu.Lock()
	v.mu.all[path] = w
	v.mu.Unlock()
	v.wait.Go(func() {
		if err := follow(w, p); err != nil {
			_, _ = fmt.Fprintf(complaints, "the watch of %s has ended: %s\n", path, outcome.Text(err)) // where else to complain?
		}
		v.forget(path, w)
	})
	return nil
}

// follow prints events until there are no more. The end of the session is told elsewhere.
func follow(w *client.Watcher, p render.Printer) error {
	for event, err := range w.All(context.Background()) {
		switch {
		case errors.Is(err, client.ErrSessionExpired), errors.Is(err, client.ErrClosed):
			return nil
		case err != nil:
			return err
		}
		if err := p.Event(event, false); err != nil {
			return err
		}
	}
	return nil
}

func (v *Vigil) forget(path string, w *client.Watcher) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.mu.all[path] == w {
		delete(v.mu.all, path)
	}
}

// Unwatch removes the watch of a path. It returns [client.ErrNoWatch] if there is none.
func (v *Vigil) Unwatch(path string) error {
	v.mu.Lock()
	w := v.mu.all[path]
	delete(v.mu.all, path)
	v.mu.Unlock()
	if w == nil {
		return fmt.Errorf("%s: %w", path, client.ErrNoWatch)
	}
	w.Remove()
	return nil
}

// Paths returns what is watched, sorted.
func (v *Vigil) Paths() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Sorted(maps.Keys(v.mu.all))
}

// Close removes all watches and returns when what they have told is printed.
func (v *Vigil) Close() {
	for _, path := range v.Paths() {
		_ = v.Unwatch(path) // it ends with the session anyway
	}
	v.wait.Wait()
}
