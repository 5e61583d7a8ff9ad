package survey

import (
	"context"
	"sync"
	"time"

	"github.com/quorate/quorate/client"
	adminv1 "github.com/quorate/quorate/gen/quorate/admin/v1"
)

// Answer is what one server said, or why it said nothing.
type Answer struct {
	Server string
	Status *adminv1.StatusResponse
	Err    error
}

// Ask asks all servers at once, each at most for timeout, and returns the answers in their order.
func Ask(ctx context.Context, servers []string, timeout time.Duration, dial func([]string) (*client.Client, error)) []Answer {
	answers := make([]Answer, len(servers))
	var wait sync.WaitGroup
	for i, server := range servers {
		wait.Go(func() {
			status, err := one(ctx, server, timeout, dial)
			answers[i] = Answer{server, status, err}
		})
	}
	wait.Wait()
	return answers
}

// Complete asks the leader too, where the servers that answered say that it is, unless it is among them.
func Complete(ctx context.Context, answers []Answer, timeout time.Duration, dial func([]string) (*client.Client, error)) []Answer {
	if _, ok := Leader(answers); ok {
		return answers
	}
	for _, a := range answers {
		if at := a.Status.GetLeaderClientAddress(); at != "" {
			return append(answers, Ask(ctx, []string{at}, timeout, dial)...)
		}
	}
	return answers
}

func one(ctx context.Context, server string, timeout time.Duration, dial func([]string) (*client.Client, error)) (*adminv1.StatusResponse, error) {
	c, err := dial([]string{server})
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return c.Admin().Status(ctx, &adminv1.StatusRequest{})
}

// Leader returns the answer of who leads, of several that say so the one in the greatest epoch.
func Leader(answers []Answer) (leader Answer, ok bool) {
	for _, a := range answers {
		leads := a.Err == nil && a.Status.GetRole() == adminv1.Role_ROLE_LEADER
		if leads && (!ok || a.Status.GetEpoch() > leader.Status.GetEpoch()) {
			leader, ok = a, true
		}
	}
	return leader, ok
}

// Failed returns the first error, nil if all answered.
func Failed(answers []Answer) error {
	for _, a := range answers {
		if a.Err != nil {
			return a.Err
		}
	}
	return nil
}
