package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/quorate/quorate/client"
	adminv1 "github.com/quorate/quorate/gen/quorate/admin/v1"
)

// Member is one server of an [Ensemble], running or not. Its methods are for one goroutine at a
// time, but for Status.
type Member struct {
	// ID is the server's number, from 1.
	ID uint32
	// Observer tells whether it has no vote.
	Observer bool
	// Addr is where it serves clients, PeerAddr where other servers.
	Addr, PeerAddr string
	// Dir is its data directory.
	Dir string

	binary string
	args   []string
	admin  *client.Client // to this server alone
	lives  []*Server      // the last one is running, if running is set
	alive  bool
}

// Start runs the server, and returns when it takes calls: it need not have a leader by then.
func (m *Member) Start(ctx context.Context) error {
	if err := m.Launch(); err != nil {
		return err
	}
	return m.Server().Await(ctx, "listening")
}

// Launch runs the server and does not wait.
func (m *Member) Launch() error {
	if m.alive {
		return fmt.Errorf("server %d is running", m.ID)
	}
	s, err := Launch(m.binary, m.Addr, m.args...)
	if err != nil {
		return err
	}
	m.lives, m.alive = append(m.lives, s), true
	return nil
}

// Server returns the process, also one that has ended; nil before the first start.
func (m *Member) Server() *Server {
	if len(m.lives) == 0 {
		return nil
	}
	return m.lives[len(m.lives)-1]
}

// Running tells whether it was started, and neither killed nor stopped since.
func (m *Member) Running() bool { return m.alive }

// Kill ends it with SIGKILL, if it runs; a paused one, too.
func (m *Member) Kill() {
	if m.alive {
		m.Server().Kill()
		m.alive = false
	}
}

// Stop ends it in good order and returns its exit code.
func (m *Member) Stop() int {
	m.alive = false
	return m.Server().Stop()
}

// Pause stops the process where it is (SIGSTOP); its connections stay open. It does nothing more once Pause has returned (Linux; elsewhere soon).
func (m *Member) Pause() error {
	if err := m.Server().Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	return awaitStopped(m.Server().Pid())
}

// Resume lets a paused process go on (SIGCONT).
func (m *Member) Resume() error { return m.Server().Signal(syscall.SIGCONT) }

// Wipe deletes the data directory, as if the disk had been replaced. The server must not run.
func (m *Member) Wipe() error {
	if m.alive {
		return errors.New("it is running")
	}
	return os.RemoveAll(m.Dir)
}

// Status asks the server how it is.
func (m *Member) Status(ctx context.Context) (*adminv1.StatusResponse, error) {
	return m.admin.Admin().Status(ctx, &adminv1.StatusRequest{})
}

// Client returns a client that talks to this server alone. It is closed with the ensemble.
func (m *Member) Client() *client.Client { return m.admin }

// Lines returns what the server has logged in all its lives.
func (m *Member) Lines() []Line {
	var all []Line
	for _, s := range m.lives {
		all = append(all, s.Lines()...)
	}
	return all
}
