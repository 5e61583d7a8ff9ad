package process

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync"
	"syscall"
)

// Build compiles the program into dir and returns the path of the binary.
func Build(ctx context.Context, dir string) (string, error) {
	path := dir + "/quorate"
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/quorate/quorate/cmd/quorate")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
}

// FreeAddress returns a loopback address that was free a moment ago.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// Server is a running `quorate serve`.
type Server struct {
	// Addr is where it serves clients.
	Addr string

	cmd    *exec.Cmd
	exited chan struct{} // closed when the process has ended and its output is read

	mu struct {
		sync.Mutex
		stderr  bytes.Buffer
		said    map[string]bool // messages logged
		changed chan struct{}   // closed at the next line
	}
}

// Start runs binary with `serve --client-addr addr` and args, and returns when the server
// says that it serves. The error of one that ends before holds what it wrote.
func Start(ctx context.Context, binary, addr string, args ...string) (*Server, error) {
	all := append([]string{"serve", "--client-addr", addr, "--log-format", "json"}, args...)
	s := &Server{Addr: addr, cmd: exec.Command(binary, all...), exited: make(chan struct{})}
	s.mu.said = map[string]bool{}
	s.mu.changed = make(chan struct{})
	pipe, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go s.read(pipe)
	if err := s.Await(ctx, "serving"); err != nil {
		s.Kill()
		return nil, err
	}
	return s, nil
}

// Await returns when the server has logged a message, also one before the call. It fails if the
// server ends first.
func (s *Server) Await(ctx context.Context, msg string) error {
	for {
		s.mu.Lock()
		said, changed := s.mu.said[msg], s.mu.changed
		s.mu.Unlock()
		if said {
			return nil
		}
		select {
		case <-changed:
		case <-s.exited:
			return fmt.Errorf("quorate serve ended (%v) without saying %q\n%s", s.cmd.ProcessState, msg, s.Output())
		case <-ctx.Done():
			return fmt.Errorf("waiting for quorate serve to say %q: %w\n%s", msg, context.Cause(ctx), s.Output())
		}
	}
}

// read collects what the server logs.
func (s *Server) read(pipe io.Reader) {
	defer close(s.exited)
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		var entry struct{ Msg string }
		_ = json.Unmarshal(lines.Bytes(), &entry) // a line that is not of the log has no message
		s.mu.Lock()
		s.mu.stderr.Write(append(lines.Bytes(), '\n'))
		s.mu.said[entry.Msg] = true
		close(s.mu.changed)
		s.mu.changed = make(chan struct{})
		s.mu.Unlock()
	}
	_ = s.cmd.Wait()
}

// Output returns what the server has written to its standard error.
func (s *Server) Output() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.TrimSpace(s.mu.stderr.String())
}

// Pid returns the process's id.
func (s *Server) Pid() int { return s.cmd.Process.Pid }

// Kill ends the process with SIGKILL and returns when it has ended.
func (s *Server) Kill() { s.signal(syscall.SIGKILL) }

// Stop asks the process to end with SIGTERM and returns its exit code.
func (s *Server) Stop() int {
	s.signal(syscall.SIGTERM)
	return s.cmd.ProcessState.ExitCode()
}

// Signal sends a signal and does not wait.
func (s *Server) Signal(sig syscall.Signal) error { return s.cmd.Process.Signal(sig) }

// Exited is closed when the process has ended.
func (s *Server) Exited() <-chan struct{} { return s.exited }

func (s *Server) signal(sig syscall.Signal) {
	_ = s.cmd.Process.Signal(sig)
	<-s.exited
}
