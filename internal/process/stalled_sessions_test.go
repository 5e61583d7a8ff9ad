package process_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/quorate/quorate/client"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// A leader that stands still for several times its sessions' timeouts judges nobody for that time: whose client has lived on keeps
// his session; and who has said nothing loses it, later.
func TestLeaderThatStandsStillExpiresNobody(t *testing.T) {
	const timeout, stall, each = 5 * time.Second, 12 * time.Second, 10
	addr := address(t)
	s := start(t, addr, "--data-dir", t.TempDir())
	c, err := client.Dial([]string{addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	open := func() (sessions []context.Context) {
		for range each {
			opened, err := c.Keeper().OpenSession(t.Context(), &apiv1.OpenSessionRequest{TimeoutMs: uint32(timeout.Milliseconds())})
			if err != nil {
				t.Fatal(err)
			}
			sessions = append(sessions, client.InSession(t.Context(), opened.GetCredential()))
		}
		return sessions
	}
	living, silent := open(), open()
	if err := s.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	// They live on. Half of them say so meanwhile, and it reaches the server when it goes on, all at once; the others when their
	// next sign is due after that.
	said := make(chan error, each)
	live := func(sessions []context.Context) {
		for _, ctx := range sessions {
			go func() {
				_, err := c.Keeper().KeepAlive(ctx, &apiv1.KeepAliveRequest{})
				said <- err
			}()
		}
	}
	live(living[:each/2])
	<-time.After(stall)
	if err := s.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	<-time.After(timeout / 4)
	live(living[each/2:])
	for range living {
		if err := <-said; err != nil {
			t.Errorf("a session whose client lived on: %v", err)
		}
	}
	ended := func(ctx context.Context) bool {
		_, err := c.Keeper().GetEphemerals(ctx, &apiv1.GetEphemeralsRequest{})
		return err != nil
	}
	pulse := time.NewTicker(timeout / 10)
	defer pulse.Stop()
	for left := len(silent); left > 0; <-pulse.C {
		for _, ctx := range living {
			if ended(ctx) {
				t.Fatal("a session whose client lives has expired")
			}
		}
		status, err := c.Admin().Status(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		left = int(status.GetSessions()) - len(living)
	}
	for _, ctx := range silent {
		if !ended(ctx) {
			t.Error("a session of which nothing was heard is still there")
		}
	}
}
