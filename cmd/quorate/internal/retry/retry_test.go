package retry_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/cmd/quorate/internal/retry"
)

var errAway = error(&client.Error{Code: codes.Unavailable, Message: "away"})

// failing fails n times with err and counts the tries.
func failing(n int, err error, tries *int) func(context.Context) error {
	return func(context.Context) error {
		*tries++
		if *tries <= n {
			return err
		}
		return nil
	}
}

func TestDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		fails int
		err   error
		limit time.Duration
		tries int
		ok    bool
	}{
		{"at once", 0, errAway, 0, 1, true},
		{"not at all without a limit", 1, errAway, 0, 1, false},
		{"until it works", 5, errAway, time.Minute, 6, true},
		{"not what will not go away", 1, client.ErrNoNode, time.Minute, 1, false},
		{"not before the server says", 1, &client.Error{Code: codes.Unavailable, RetryAfter: time.Hour}, time.Minute, 1, false},
		{"what was too slow", 1, client.ErrTimeout, time.Minute, 2, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				err := retry.Policy{For: c.limit}.Do(t.Context(), failing(c.fails, c.err, &tries))
				if tries != c.tries || (err == nil) != c.ok || err != nil && !errors.Is(err, c.err) {
					t.Errorf("%d tries, %v", tries, err)
				}
			})
		})
	}
}

func TestDoEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start, tries, told := time.Now(), 0, 0
		policy := retry.Policy{For: 30 * time.Second, Waiting: func(error) { told++ }}
		err := policy.Do(t.Context(), failing(1<<30, errAway, &tries))
		took := time.Since(start)
		if !errors.Is(err, client.ErrUnavailable) || took > 30*time.Second || took < 28*time.Second || told != tries-1 {
			t.Errorf("after %v, %d tries, %d told: %v", took, tries, told, err)
		}
	})
}

func TestDoStopsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		tries, start := 0, time.Now()
		if err := (retry.Policy{For: time.Hour}).Do(ctx, failing(1<<30, errAway, &tries)); err == nil {
			t.Error("no error")
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestOneTryIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		err := retry.Policy{For: time.Minute, Each: time.Second}.Do(t.Context(), func(ctx context.Context) error {
			if tries++; tries == 3 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		})
		if err != nil || tries != 3 {
			t.Errorf("%d tries, %v", tries, err)
		}
	})
}
