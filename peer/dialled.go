package peer

import "io"

// dialled is the caller's end of a gRPC stream, made to keep the promises of [Stream]: gRPC tells why a stream
// has ended to who receives alone, and to who sends io.EOF.
type dialled[Out, In any] struct {
	Stream[Out, In]
	explain func(error) error // what an error of Recv means; for the first one only
	turn    chan struct{}     // holds a token while somebody receives
	over    chan struct{}     // closed when the stream has ended
	err     error             // why; set before over is closed
}

func newDialled[Out, In any](s Stream[Out, In], explain func(error) error) *dialled[Out, In] {
	return &dialled[Out, In]{Stream: s, explain: explain, turn: make(chan struct{}, 1), over: make(chan struct{})}
}

// Recv returns the next message, or why there is none.
func (s *dialled[Out, In]) Recv() (*In, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
		return s.recv()
	case <-s.over:
		return nil, s.err
	}
}

// recv is for who has the turn.
func (s *dialled[Out, In]) recv() (*In, error) {
	select {
	case <-s.over:
		return nil, s.err
	default:
	}
	m, err := s.Stream.Recv()
	if err == nil {
		return m, nil
	}
	if err != io.EOF {
		err = s.explain(err)
	}
	s.err = err
	close(s.over)
	return nil, err
}

// Send returns why the stream has ended, if it has. It waits for who receives then, or receives itself
// what was still to come: nobody can answer that any more.
func (s *dialled[Out, In]) Send(m *Out) error {
	if err := s.Stream.Send(m); err != io.EOF {
		return err
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
		for {
			if _, err := s.recv(); err != nil {
				return err
			}
		}
	case <-s.over:
		return s.err
	}
}
