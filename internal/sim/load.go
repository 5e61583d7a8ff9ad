package sim

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/quorate/quorate/store/tree"
)

// load is load 1 /a 100 5ms.
func load(s *script, words []string) ([]string, error) {
	h, rest, err := s.one(words)
	if err != nil || len(rest) != 3 {
		return nil, errors.Join(err, errors.New("on which server, where, how much, and with which rest?"))
	}
	n, err := strconv.Atoi(rest[1])
	if err != nil {
		return nil, err
	}
	pause, err := parseSpan(rest[2])
	if err != nil {
		return nil, err
	}
	c := newClient(s.world, s.clients, pause)
	s.clients++
	s.loads.Add(1)
	s.world.lives.Go(func() {
		defer s.loads.Add(-1)
		c.createAll(h, rest[0], n)
		s.world.trace.note(h.ID, "client: load %s: %d done, %d refused, %d unknown", rest[0], c.tally.Done, c.tally.Refused, c.tally.Unknown)
	})
	return nil, nil
}

// createAll creates nodes of one server, one after the other.
func (c *client) createAll(h *Host, prefix string, n int) {
	for i := range n {
		ctx, stop := context.WithTimeout(context.Background(), clientPlace(c.number).in(5*time.Second))
		_, err := h.write(ctx, &tree.CreateRequest{Path: fmt.Sprint(prefix, i), ACL: tree.OpenACL()})
		stop()
		c.count(&c.tally.Done, err)
		c.rest(context.Background())
	}
}
