package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/store/tree"
)

// errDown is what a client gets whose server does not run.
var errDown = errors.New("no server there")

// request is a command that asks something of a server as a client does, and waits for the answer.
func request(what string) verb {
	return func(s *script, words []string) ([]string, error) {
		done, err := s.ask(append([]string{what}, words...))
		if err != nil {
			return nil, err
		}
		<-done
		return nil, nil
	}
}

// begin is begin create 1 /a: nobody waits.
func begin(s *script, words []string) ([]string, error) {
	_, err := s.ask(words)
	return nil, err
}

// ask begins a client's request. Its answer becomes a line of the trace.
func (s *script) ask(words []string) (done <-chan struct{}, err error) {
	if len(words) < 2 {
		return nil, errors.New("which server?")
	}
	h, err := s.host(words[1])
	if err != nil {
		return nil, err
	}
	ask, ok := asks[words[0]]
	if !ok || len(words) < 3 && words[0] != "sync" {
		return nil, errors.New("no such request")
	}
	path, data := "", strings.Join(words[min(3, len(words)):], " ")
	if len(words) > 2 {
		path = words[2]
	}
	label := strings.Join(slices.Delete(slices.Clone(words), 1, 2), " ")
	over := make(chan struct{})
	s.world.lives.Go(func() {
		defer close(over)
		ctx, stop := context.WithTimeout(context.Background(), patience)
		defer stop()
		answer, err := ask(ctx, h, path, data)
		if err != nil {
			answer = "failed: " + err.Error()
		}
		s.world.trace.note(h.ID, "client: %s: %s", label, answer)
	})
	return over, nil
}

// asks are what a client can ask.
var asks = map[string]func(ctx context.Context, h *Host, path, data string) (string, error){
	"create": func(ctx context.Context, h *Host, path, data string) (string, error) {
		return h.write(ctx, &tree.CreateRequest{Path: path, Data: []byte(data), ACL: tree.OpenACL()})
	},
	"set": func(ctx context.Context, h *Host, path, data string) (string, error) {
		return h.write(ctx, &tree.SetRequest{Path: path, Data: []byte(data), Version: tree.AnyVersion})
	},
	"delete": func(ctx context.Context, h *Host, path, _ string) (string, error) {
		return h.write(ctx, &tree.DeleteRequest{Path: path, Version: tree.AnyVersion})
	},
	"get": func(_ context.Context, h *Host, path, _ string) (string, error) { return h.get(path) },
	"read": func(ctx context.Context, h *Host, path, _ string) (string, error) {
		if _, err := h.sync(ctx); err != nil {
			return "", err
		}
		return h.get(path)
	},
	"sync": func(ctx context.Context, h *Host, _, _ string) (string, error) { return h.sync(ctx) },
}

// write carries out a change and returns its zxid.
func (h *Host) write(ctx context.Context, op tree.Request) (string, error) {
	r := h.server()
	if r == nil {
		return "", errDown
	}
	reply, err := r.pipeline.Submit(ctx, pipeline.Request{Op: op, Author: "sim:client"})
	return reply.Zxid.String(), err
}

// sync returns how far the ensemble was.
func (h *Host) sync(ctx context.Context) (string, error) {
	r := h.server()
	if r == nil {
		return "", errDown
	}
	z, err := r.pipeline.Sync(ctx)
	return z.String(), err
}

// get returns what the server shows.
func (h *Host) get(path string) (string, error) {
	r := h.server()
	if r == nil {
		return "", errDown
	}
	v := r.pipeline.Version()
	n, ok := v.Get(path)
	if !ok {
		return fmt.Sprintf("nothing at %v", v.Zxid()), nil
	}
	return fmt.Sprintf("%q at %v", n.Data(), v.Zxid()), nil
}

// quietFor returns what tells whether nothing has happened for a time.
func (t *Trace) quietFor(d time.Duration) func() bool {
	last, since := -1, time.Now()
	return func() bool {
		t.mu.Lock()
		defer t.mu.Unlock()
		if n := len(t.mu.steps); n != last {
			last, since = n, time.Now()
		}
		return time.Since(since) >= d
	}
}
