package survey

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/cmd/quorate/internal/render"
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

// Failed returns the first error, nil if all answered.
func Failed(answers []Answer) error {
	for _, a := range answers {
		if a.Err != nil {
			return a.Err
		}
	}
	return nil
}

// Print prints the answers, a row a server.
func Print(p render.Printer, answers []Answer, explain func(error) string) error {
	header := []string{"server", "id", "role", "applied", "committed", "durable", "logged", "nodes", "sessions", "log", "uptime", "version"}
	rows, objects := [][]string{}, []map[string]any{}
	for _, a := range answers {
		if a.Err != nil {
			rows = append(rows, []string{a.Server, "-", "does not answer"})
			objects = append(objects, map[string]any{"server": a.Server, "error": explain(a.Err)})
			continue
		}
		rows, objects = append(rows, row(a)), append(objects, object(a))
	}
	return p.Rows(objects, header, rows)
}

func role(s *adminv1.StatusResponse) string {
	return strings.ToLower(strings.TrimPrefix(s.GetRole().String(), "ROLE_"))
}

func row(a Answer) []string {
	s := a.Status
	what := role(s)
	if s.GetReason() != "" {
		what += ": " + s.GetReason()
	}
	return []string{
		a.Server, strconv.Itoa(int(s.GetId())), what,
		render.Zxid(s.GetLastApplied()), render.Zxid(s.GetLastCommitted()), render.Zxid(s.GetLastDurable()), render.Zxid(s.GetLastLogged()),
		strconv.FormatUint(s.GetNodes(), 10), strconv.FormatUint(s.GetSessions(), 10), render.Bytes(int64(s.GetLogBytes())), uptime(s).String(), s.GetVersion(),
	}
}

func object(a Answer) map[string]any {
	s := a.Status
	return map[string]any{
		"server": a.Server, "id": s.GetId(), "role": role(s), "reason": s.GetReason(), "epoch": s.GetEpoch(),
		"last_logged": render.Zxid(s.GetLastLogged()), "last_durable": render.Zxid(s.GetLastDurable()),
		"last_committed": render.Zxid(s.GetLastCommitted()), "last_applied": render.Zxid(s.GetLastApplied()),
		"nodes": s.GetNodes(), "sessions": s.GetSessions(), "digest": hex(s.GetDigest()),
		"uptime_seconds": s.GetUptimeSeconds(), "version": s.GetVersion(), "ensemble": hex(s.GetEnsemble()),
		"storage": hex(s.GetStorage()), "last_snapshot": render.Zxid(s.GetLastSnapshot()),
		"log_bytes": s.GetLogBytes(), "client_address": s.GetClientAddress(),
	}
}

func uptime(s *adminv1.StatusResponse) time.Duration {
	return time.Duration(s.GetUptimeSeconds() * float64(time.Second)).Round(time.Second)
}

// hex formats what is 64 bits wide and no number to count with: JSON numbers end at 2^53.
func hex(n uint64) string { return fmt.Sprintf("%016x", n) }
