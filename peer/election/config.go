package election

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/quorate/quorate/peer/quorum"
	"github.com/quorate/quorate/store/txn"
)

// The values of a [Config] where it says 0.
const (
	// DefaultPatience is how long an election that a quorum agrees on waits for the others.
	DefaultPatience = 200 * time.Millisecond
	// DefaultSilence is the shortest silence of a reachable voter that counts as death: on
	// a fast network two round trips are less than a busy scheduler may take.
	DefaultSilence = 10 * time.Millisecond
	// DefaultResend and DefaultMaxResend bound the time between repetitions.
	DefaultResend    = 50 * time.Millisecond
	DefaultMaxResend = time.Second
)

// Config is what a [Machine] is made of.
type Config struct {
	// ID is the server; a member of the View.
	ID txn.ServerID
	// View is the membership it knows at its start.
	View View
	// Quorum gives the quorum system of a membership. A voter that does not count in it (weight
	// 0) cannot be elected. Nil: majorities.
	Quorum func(txn.Membership) quorum.System
	// Bootstrap lets a quorum of blank servers found an ensemble. Without it all listed
	// voters must be there and be blank (P6), since a blank voter cannot be told from one
	// whose disk was lost. It has to be set on as many as make a quorum.
	Bootstrap bool

	// Patience, Silence, Resend and MaxResend replace the defaults above; the time between
	// repetitions doubles from Resend to MaxResend.
	Patience, Silence, Resend, MaxResend time.Duration
}

// complete fills in the defaults.
func (c Config) complete() (Config, error) {
	if _, ok := c.View.member(c.ID); !ok {
		return c, fmt.Errorf("server %d is not in its own list of servers", c.ID)
	}
	if c.Patience < 0 || c.Silence < 0 || c.Resend < 0 || c.MaxResend < 0 {
		return c, errors.New("an election with a time below zero")
	}
	c.Patience = cmp.Or(c.Patience, DefaultPatience)
	c.Silence = cmp.Or(c.Silence, DefaultSilence)
	c.Resend = cmp.Or(c.Resend, DefaultResend)
	c.MaxResend = max(c.Resend, cmp.Or(c.MaxResend, DefaultMaxResend))
	if c.Quorum == nil {
		c.Quorum = func(m txn.Membership) quorum.System { return quorum.Of(m) }
	}
	return c, nil
}
