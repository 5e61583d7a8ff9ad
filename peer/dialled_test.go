package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
)

// ending is a caller's end of a gRPC stream: what it receives, and when it has ended.
type ending struct {
	messages chan int
	err      error // what Recv returns after the last message
	sent     error // what Send returns
}

func (e *ending) Context() context.Context { return context.Background() }
func (e *ending) Send(*string) error       { return e.sent }

func (e *ending) Recv() (*int, error) {
	if m, ok := <-e.messages; ok {
		return &m, nil
	}
	return nil, e.err
}

// end is a stream that has ended after some messages.
func end(err error, messages int) *ending {
	e := &ending{messages: make(chan int, messages), err: err, sent: io.EOF}
	for i := range messages {
		e.messages <- i
	}
	close(e.messages)
	return e
}

var errStatus = errors.New("status")

// explained notes how often it is asked.
type explained struct{ times int }

func (e *explained) explain(err error) error {
	e.times++
	return fmt.Errorf("explained %w", err)
}

func TestDialledRecv(t *testing.T) {
	var asked explained
	s := newDialled(end(errStatus, 2), asked.explain)
	for i := range 2 {
		if m, err := s.Recv(); err != nil || *m != i {
			t.Fatalf("message %d: %v, %v", i, m, err)
		}
	}
	for range 2 {
		if m, err := s.Recv(); m != nil || !errors.Is(err, errStatus) || err.Error() != "explained status" {
			t.Errorf("%v, %v", m, err)
		}
	}
	if asked.times != 1 {
		t.Errorf("explained %d times", asked.times)
	}
}

// TestDialledSendAlone: nobody receives, so Send does.
func TestDialledSendAlone(t *testing.T) {
	for _, messages := range []int{0, 3} {
		s := newDialled(end(errStatus, messages), new(explained).explain)
		for range 2 {
			if err := s.Send(new(string)); err == nil || err.Error() != "explained status" {
				t.Errorf("after %d messages: %v", messages, err)
			}
		}
		if _, err := s.Recv(); err == nil || err.Error() != "explained status" {
			t.Errorf("Recv after %d messages: %v", messages, err)
		}
	}
}

// TestDialledSendWaits: somebody receives, and both learn the same.
func TestDialledSendWaits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := &ending{messages: make(chan int), err: errStatus, sent: io.EOF}
		s := newDialled(e, new(explained).explain)
		received, sent := make(chan error, 1), make(chan error, 1)
		go func() {
			_, err := s.Recv()
			received <- err
		}()
		synctest.Wait()
		go func() { sent <- s.Send(new(string)) }()
		synctest.Wait()
		if len(sent) != 0 {
			t.Fatal("Send did not wait for the error")
		}
		close(e.messages)
		if r, s := <-received, <-sent; r == nil || r != s || r.Error() != "explained status" {
			t.Errorf("received %v, sent %v", r, s)
		}
	})
}

// TestDialledInOrder: the end in order needs no explanation.
func TestDialledInOrder(t *testing.T) {
	s := newDialled(end(io.EOF, 0), new(explained).explain)
	if err := s.Send(new(string)); err != io.EOF {
		t.Error(err)
	}
	if _, err := s.Recv(); err != io.EOF {
		t.Error(err)
	}
}

// TestDialledSendFails: an error of Send's own is not the end of the stream.
func TestDialledSendFails(t *testing.T) {
	e := end(errStatus, 1)
	e.sent = errors.New("too large")
	s := newDialled(e, new(explained).explain)
	if err := s.Send(new(string)); err != e.sent {
		t.Error(err)
	}
	if _, err := s.Recv(); err != nil {
		t.Error(err)
	}
}
