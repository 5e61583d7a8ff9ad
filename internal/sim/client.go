package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// errDown is what a client gets whose server does not run, errGone one whose server has died.
var (
	errDown = errors.New("no server there")
	errGone = errors.New("the server is gone, the outcome is unknown")
)

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
	path, data := "", dataOf(words[min(3, len(words)):])
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

// dataOf is what a node is to hold: the words, or for *1000 so many bytes.
func dataOf(words []string) string {
	text := strings.Join(words, " ")
	if n, err := strconv.Atoi(strings.TrimPrefix(text, "*")); err == nil && text[0] == '*' {
		return strings.Repeat("x", n)
	}
	return text
}

// asks are what a client can ask.
var asks = map[string]func(ctx context.Context, h *Host, path, data string) (string, error){
	"create": func(ctx context.Context, h *Host, path, data string) (string, error) {
		return inWords(h.write(ctx, &tree.CreateRequest{Path: path, Data: []byte(data), ACL: tree.OpenACL()}))
	},
	"set": func(ctx context.Context, h *Host, path, data string) (string, error) {
		return inWords(h.write(ctx, &tree.SetRequest{Path: path, Data: []byte(data), Version: tree.AnyVersion}))
	},
	"delete": func(ctx context.Context, h *Host, path, _ string) (string, error) {
		return inWords(h.write(ctx, &tree.DeleteRequest{Path: path, Version: tree.AnyVersion}))
	},
	"get": func(_ context.Context, h *Host, path, _ string) (string, error) {
		r := h.server()
		if r == nil {
			return "", errDown
		}
		data, there, at := r.get(path)
		return shown(data, there, at, nil)
	},
	"read": func(ctx context.Context, h *Host, path, _ string) (string, error) {
		return shown(h.read(ctx, path))
	},
	"sync": func(ctx context.Context, h *Host, _, _ string) (string, error) {
		return inWords(h.sync(ctx))
	},
}

func inWords(z txn.Zxid, err error) (string, error) { return z.String(), err }

// write carries out a change and returns its zxid.
func (h *Host) write(ctx context.Context, op tree.Request) (txn.Zxid, error) {
	return h.change(ctx, pipeline.Request{Op: op, Author: author})
}

// change is write with all that a request may have.
func (h *Host) change(ctx context.Context, what pipeline.Request) (txn.Zxid, error) {
	l, r := h.process()
	if r == nil {
		return 0, errDown
	}
	name := nameOfRequest(what.Op)
	floor := h.world.checker.ask(name)
	ctx, stop := l.while(ctx)
	defer stop()
	reply, err := r.pipeline.Submit(ctx, what)
	return reply.Zxid, h.world.checker.wrote(l, name, floor, reply.Zxid, err)
}

// outcomeUnknown tells whether an error leaves open what became of a request.
func outcomeUnknown(err error) bool { return errors.Is(err, errGone) || fault.Is(err, fault.Unknown) }

// while returns a context that ends with ctx, or when the process dies.
func (l *life) while(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(l.killed, func() { cancel(errGone) })
	return ctx, func() { stop(); cancel(nil) }
}

// nameOfRequest names an operation as it will be named in the history.
func nameOfRequest(op tree.Request) string {
	switch op := op.(type) {
	case *tree.CreateRequest:
		return nameOf(&txn.Create{Path: op.Path, Data: op.Data})
	case *tree.SetRequest:
		return nameOf(&txn.SetData{Path: op.Path, Data: op.Data})
	case *tree.DeleteRequest:
		return nameOf(&txn.Delete{Path: op.Path})
	}
	return ""
}

// sync returns how far the ensemble was.
func (h *Host) sync(ctx context.Context) (txn.Zxid, error) {
	l, r := h.process()
	if r == nil {
		return 0, errDown
	}
	ctx, stop := l.while(ctx)
	defer stop()
	return r.pipeline.Sync(ctx)
}

// read returns what is at a path, linearizably.
func (h *Host) read(ctx context.Context, path string) (data string, there bool, at txn.Zxid, err error) {
	l, r := h.process()
	if r == nil {
		return "", false, 0, errDown
	}
	floor := h.world.checker.ask("")
	ctx, stop := l.while(ctx)
	defer stop()
	if _, err := r.pipeline.Sync(ctx); err != nil {
		return "", false, 0, err
	}
	data, there, at = r.get(path)
	return data, there, at, h.world.checker.read(l, path, floor, at, data, there)
}

// get returns what the server shows at a path, and at which zxid.
func (r *running) get(path string) (data string, there bool, at txn.Zxid) {
	v := r.pipeline.Version()
	if n, ok := v.Get(path); ok {
		return string(n.Data()), true, v.Zxid()
	}
	return "", false, v.Zxid()
}

// shown is a read's answer in words.
func shown(data string, there bool, at txn.Zxid, err error) (string, error) {
	if !there {
		return fmt.Sprintf("nothing at %v", at), err
	}
	return fmt.Sprintf("%q at %v", data, at), err
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
