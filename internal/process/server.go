package process

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// maxLine bounds a line of a server's log in bytes; a stack is the longest.
const maxLine = 1 << 20

// Server is a running `quorate serve`.
type Server struct {
	// Addr is where it serves clients.
	Addr string

	cmd    *exec.Cmd
	exited chan struct{} // closed when the process has ended and its output is read

	mu struct {
		sync.Mutex
		lines   []Line
		changed chan struct{} // closed at the next line
	}
}

// Line is a line that a server has written to its standard error.
type Line struct {
	// At is when it was written, by the server's clock; of a line that is not of the log, when it was read.
	At time.Time
	// Msg is its message; empty if it is not of the log.
	Msg string
	// Text is the line as it came.
	Text string
}

// Start is [Launch], and returns when the server says that it serves. The error of one that ends
// before holds what it wrote.
func Start(ctx context.Context, binary, addr string, args ...string) (*Server, error) {
	s, err := Launch(binary, addr, args...)
	if err != nil {
		return nil, err
	}
	if err := s.Await(ctx, "serving"); err != nil {
		s.Kill()
		return nil, err
	}
	return s, nil
}

// Launch runs binary with `serve --client-addr addr` and args and does not wait for anything. Without addr the server
// finds its address elsewhere, and Addr is for the caller to fill. The
// server ends with this process at the latest, where the system can do that (Linux).
func Launch(binary, addr string, args ...string) (*Server, error) {
	all := append([]string{"serve", "--log-format", "json"}, args...)
	if addr != "" {
		all = append(all, "--client-addr", addr)
	}
	s := &Server{Addr: addr, cmd: exec.Command(binary, all...), exited: make(chan struct{})}
	s.mu.changed = make(chan struct{})
	s.cmd.SysProcAttr = DieWithParent()
	pipe, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go s.read(pipe)
	return s, nil
}

// Await returns when the server has logged a message, also one before the call. It fails if the
// server ends first.
func (s *Server) Await(ctx context.Context, msg string) error {
	for from := 0; ; {
		s.mu.Lock()
		fresh, changed := s.mu.lines[from:], s.mu.changed
		s.mu.Unlock()
		for _, l := range fresh {
			if l.Msg == msg {
				return nil
			}
		}
		from += len(fresh)
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
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		s.add(parse(lines.Bytes()))
	}
	if err := lines.Err(); err != nil {
		s.add(Line{At: time.Now(), Text: "the rest of the log cannot be read: " + err.Error()})
	}
	_ = s.cmd.Wait() // its state tells
}

func (s *Server) add(l Line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.lines = append(s.mu.lines, l)
	close(s.mu.changed)
	s.mu.changed = make(chan struct{})
}

func parse(b []byte) Line {
	var entry struct {
		Time time.Time
		Msg  string
	}
	if err := json.Unmarshal(b, &entry); err != nil {
		entry.Time, entry.Msg = time.Now(), ""
	}
	return Line{At: entry.Time, Msg: entry.Msg, Text: string(bytes.TrimSpace(b))}
}

// Lines returns what the server has written to its standard error.
func (s *Server) Lines() []Line {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.lines[:len(s.mu.lines):len(s.mu.lines)]
}

// Output returns the same as one text.
func (s *Server) Output() string {
	var b strings.Builder
	for _, l := range s.Lines() {
		b.WriteString(l.Text + "\n")
	}
	return strings.TrimSpace(b.String())
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
