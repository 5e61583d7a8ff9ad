package counter

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/internal/line"
)

// ErrNoNumber says that the node holds something else than a number.
var ErrNoNumber = errors.New("the node holds no number")

// ErrOverflow says that the sum is beyond 64 bits.
var ErrOverflow = errors.New("the sum is beyond 64 bits")

// Counter is a number in a node. It is safe for concurrent use.
type Counter struct {
	s    *client.Session
	path string
}

// New returns the counter at a path. The node is created by the first Add; its parents as containers. Without a node it is 0.
func New(s *client.Session, path string) *Counter { return &Counter{s: s, path: path} }

// Get returns the number, as this session's server sees it, which may be behind; with client.Linearizable it is not.
func (c *Counter) Get(ctx context.Context, options ...client.ReadOption) (int64, error) {
	n, _, err := c.read(ctx, options...)
	return n.value, err
}

// number is what the node holds: the number, and which Add has made it.
type number struct {
	value int64
	by    string
}

func (n number) String() string { return fmt.Sprintf("%d %s", n.value, n.by) }

// read returns the number and the version of its node, -1 without one.
func (c *Counter) read(ctx context.Context, options ...client.ReadOption) (number, int32, error) {
	node, err := c.s.Get(ctx, c.path, options...)
	if errors.Is(err, client.ErrNoNode) {
		return number{}, -1, nil
	}
	if err != nil {
		return number{}, 0, err
	}
	value, by, _ := strings.Cut(string(node.Data), " ")
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return number{}, 0, fmt.Errorf("%s: %w", c.path, ErrNoNumber)
	}
	return number{n, by}, node.Stat.Version, nil
}

// Add adds delta, which may be negative, and returns the sum. It fails with [ErrNoNumber] or [ErrOverflow] without a change.
func (c *Counter) Add(ctx context.Context, delta int64) (int64, error) {
	by := line.Nonce()
	for {
		old, version, err := c.read(ctx)
		switch {
		case err != nil:
			return 0, err
		case delta > 0 && old.value > math.MaxInt64-delta, delta < 0 && old.value < math.MinInt64-delta:
			return 0, fmt.Errorf("%s: %w", c.path, ErrOverflow)
		}
		sum := number{old.value + delta, by}
		err = c.write(ctx, sum, version)
		switch {
		case err == nil:
			return sum.value, nil
		case errors.Is(err, client.ErrBadVersion), errors.Is(err, client.ErrNodeExists), errors.Is(err, client.ErrNoNode):
			continue
		case !errors.Is(err, client.ErrUnknownOutcome) || c.s.Err() != nil || ctx.Err() != nil:
			return 0, err
		}
		now, nowVersion, failed := c.read(ctx, client.Linearizable())
		switch {
		case failed != nil:
			return 0, err
		case now.by == by:
			return sum.value, nil
		case nowVersion != version: // somebody else has written, before this Add or after it
			return 0, err
		}
	}
}

// write replaces the number of a version, or creates the node.
func (c *Counter) write(ctx context.Context, n number, version int32) error {
	if version >= 0 {
		_, err := c.s.Set(ctx, c.path, []byte(n.String()), client.IfVersion(version))
		return err
	}
	_, err := c.s.Create(ctx, c.path, []byte(n.String()))
	if errors.Is(err, client.ErrNoParent) {
		if err := line.Ensure(ctx, c.s.Tree, c.path[:max(1, strings.LastIndexByte(c.path, '/'))]); err != nil {
			return err
		}
		_, err = c.s.Create(ctx, c.path, []byte(n.String()))
	}
	return err
}
