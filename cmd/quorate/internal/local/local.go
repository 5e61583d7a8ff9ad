package local

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// stopLimit is how long servers may take to stop before they are killed.
	stopLimit = 5 * time.Second
	// peerPorts is how far the peer ports lie above the client ports.
	peerPorts = 1000
	// maxLine bounds a line of a server's log in bytes; the rest of a longer one is left out.
	maxLine = 1 << 20
)

// Ensemble is what to run.
type Ensemble struct {
	// Program is the path of the quorate program.
	Program string
	// Voters and Observers are how many servers there are, together 1 to 253.
	Voters, Observers int
	// Dir is where they keep their data, each in a directory named by its id.
	Dir string
	// Port is the client port of server 1; the others follow, and the peer ports 1000 above.
	Port int
	// Args are given to every server besides.
	Args []string
}

// Check tells what is wrong with e, in a sentence.
func (e *Ensemble) Check() error {
	n := e.Voters + e.Observers
	switch {
	case e.Voters < 1:
		return errors.New("an ensemble needs a server that votes")
	case e.Observers < 0 || n > 253:
		return errors.New("an ensemble has 1 to 253 servers, observers included")
	case e.Port < 1 || e.Port+peerPorts+n > 1<<16:
		return fmt.Errorf("port %d: the servers' ports must lie between 1 and 65535, with those for each other %d above", e.Port, peerPorts)
	}
	return nil
}

// client and peer are the addresses of server i, counted from 1.
func (e *Ensemble) client(i int) string { return address(e.Port + i - 1) }
func (e *Ensemble) peer(i int) string   { return address(e.Port + peerPorts + i - 1) }

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// Servers is the list of client addresses, as --server wants it.
func (e *Ensemble) Servers() string {
	var all []string
	for i := range e.Voters + e.Observers {
		all = append(all, e.client(i+1))
	}
	return strings.Join(all, ",")
}

// peers is the list of peer addresses, as --peers wants it.
func (e *Ensemble) peers() string {
	var all []string
	for i := 1; i <= e.Voters+e.Observers; i++ {
		s := fmt.Sprintf("%d=%s", i, e.peer(i))
		if i > e.Voters {
			s += ":observer"
		}
		all = append(all, s)
	}
	return strings.Join(all, ",")
}

// args is the command line of server i.
func (e *Ensemble) args(i int) []string {
	return append([]string{
		"serve", "--id", strconv.Itoa(i), "--data-dir", filepath.Join(e.Dir, strconv.Itoa(i)),
		"--client-addr", e.client(i), "--peers", e.peers(), "--log-format", "console",
	}, e.Args...)
}

// Run runs the servers until ctx ends, and returns nil when all have stopped, within 5 seconds. What they
// log goes to out, a line each, behind the server's id. One that ends by itself, because somebody kills it
// to see what happens, is told of, with the command that brings it back; when none is left, Run returns an error.
func (e *Ensemble) Run(ctx context.Context, out io.Writer) error {
	lines := &lineWriter{out: out}
	e.introduce(lines)
	var g errgroup.Group
	for i := 1; i <= e.Voters+e.Observers; i++ {
		g.Go(func() error {
			err := e.serve(ctx, i, lines)
			if ctx.Err() == nil {
				lines.printf("[%d] ended: %v\n[%d] to bring it back: %s %s", i, err, i, e.Program, quoted(e.args(i)))
			}
			return err
		})
	}
	err := g.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("no server is left: %w", err)
}

// introduce tells where everything is.
func (e *Ensemble) introduce(lines *lineWriter) {
	for i := 1; i <= e.Voters+e.Observers; i++ {
		role := "voter"
		if i > e.Voters {
			role = "observer"
		}
		lines.printf("server %d  %-8s  clients %s  servers %s", i, role, e.client(i), e.peer(i))
	}
	lines.printf("data in %s; in another terminal, for example:\n  quorate status --server %s\n  quorate create --server %s /hello world\nCtrl-C ends it.\n",
		e.Dir, e.Servers(), e.client(1))
}

// serve runs one server to its end.
func (e *Ensemble) serve(ctx context.Context, i int, lines *lineWriter) error {
	cmd := exec.CommandContext(ctx, e.Program, e.args(i)...)
	cmd.SysProcAttr = attributes()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopLimit
	log, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines.copy(fmt.Sprintf("[%d] ", i), log)
	if err := cmd.Wait(); err != nil {
		return err
	}
	return errors.New("it has stopped")
}

// quoted is a command line for a shell.
func quoted(args []string) string {
	var b strings.Builder
	for i, a := range args {
		if i > 0 {
			b.WriteByte(' ')
		}
		if strings.ContainsAny(a, " \t'\"\\$;&|<>()*?") {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		b.WriteString(a)
	}
	return b.String()
}

// lineWriter writes whole lines of several writers.
type lineWriter struct {
	mu  sync.Mutex // guards out
	out io.Writer
}

func (w *lineWriter) printf(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, _ = fmt.Fprintf(w.out, format+"\n", args...) // where else to complain?
}

// copy writes what r gives, each line behind a prefix, until r ends.
func (w *lineWriter) copy(prefix string, r io.Reader) {
	lines := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		if text := strings.TrimRight(string(line), "\n"); text != "" {
			w.printf("%s%s", prefix, text)
		}
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = lines.ReadSlice('\n')
		}
		if err != nil {
			return
		}
	}
}
