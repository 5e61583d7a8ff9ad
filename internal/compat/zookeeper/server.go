package zookeeper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/quorate/quorate/internal/loopback"
	"github.com/quorate/quorate/internal/process"
)

// serverClass runs a server, on its own or of an ensemble.
const serverClass = "org.apache.zookeeper.server.quorum.QuorumPeerMain"

// pollEvery is the pause between two looks at a server that starts.
const pollEvery = 20 * time.Millisecond

// Config says how servers are run.
type Config struct {
	// Servers is how many there are; 1 is a server on its own.
	Servers int
	// Settings are lines of zoo.cfg besides those that every server needs.
	Settings []string
	// Properties are system properties of Java, name=value.
	Properties []string
}

// Ensemble is some servers that belong together. It is for one goroutine.
type Ensemble struct {
	// Members are the servers, by their ids from 1.
	Members []*Server
}

// Server is one of an ensemble.
type Server struct {
	// Addr is where it serves clients.
	Addr string

	java   *Java
	dir    string
	config Config
	cmd    *exec.Cmd // nil if it does not run
	log    *os.File
}

// New writes the configuration of servers below dir; it starts nothing.
func New(java *Java, dir string, c Config) (*Ensemble, error) {
	e := &Ensemble{}
	var lines []string
	for i := range c.Servers {
		addr, err := loopback.Free()
		if err != nil {
			return nil, err
		}
		e.Members = append(e.Members, &Server{Addr: addr, java: java, dir: filepath.Join(dir, strconv.Itoa(i+1)), config: c})
		if c.Servers == 1 {
			break
		}
		line, err := peerLine(i + 1)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	for i, s := range e.Members {
		if err := s.write(i+1, lines); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// peerLine is server.N with two free ports.
func peerLine(id int) (string, error) {
	line := fmt.Sprintf("server.%d=127.0.0.1", id)
	for range 2 {
		addr, err := loopback.Free()
		if err != nil {
			return "", err
		}
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return "", err
		}
		line += ":" + port
	}
	return line, nil
}

// write writes zoo.cfg and myid.
func (s *Server) write(id int, peers []string) error {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return err
	}
	lines := []string{
		"dataDir=" + s.dir, "clientPort=" + port, "clientPortAddress=" + host, "initLimit=50", "syncLimit=20",
		"admin.enableServer=false", "4lw.commands.whitelist=*", "maxClientCnxns=0", "forceSync=no", "preAllocSize=1024",
	}
	lines = append(append(lines, s.config.Settings...), peers...)
	if err := os.WriteFile(s.path("zoo.cfg"), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		return err
	}
	return os.WriteFile(s.path("myid"), []byte(strconv.Itoa(id)), 0o644)
}

func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }

// Start runs every server, and returns when all serve.
func (e *Ensemble) Start(ctx context.Context) error {
	for _, s := range e.Members {
		if err := s.Launch(); err != nil {
			return err
		}
	}
	for _, s := range e.Members {
		if err := s.Await(ctx, "Mode:"); err != nil {
			return err
		}
	}
	return nil
}

// Close kills every server that runs.
func (e *Ensemble) Close() {
	for _, s := range e.Members {
		s.Kill()
	}
}

// Addrs returns where the servers serve clients.
func (e *Ensemble) Addrs() []string {
	var all []string
	for _, s := range e.Members {
		all = append(all, s.Addr)
	}
	return all
}

// Launch runs the server and waits for nothing.
func (s *Server) Launch() error {
	if s.cmd != nil {
		return errors.New("it is running")
	}
	var err error
	if s.log, err = os.OpenFile(s.path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644); err != nil {
		return err
	}
	s.cmd = s.java.Command(serverClass, s.config.Properties, []string{s.path("zoo.cfg")})
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.SysProcAttr = s.log, s.log, process.DieWithParent()
	return s.cmd.Start()
}

// Await asks the server how it is until the answer holds a text, such as "Mode: follower".
func (s *Server) Await(ctx context.Context, text string) error {
	pause := time.NewTicker(pollEvery)
	defer pause.Stop()
	for {
		answer, err := Word(s.Addr, "srvr")
		if err == nil && strings.Contains(answer, text) {
			return nil
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			log, _ := os.ReadFile(s.path("log"))
			return fmt.Errorf("waiting until ZooKeeper says %q: %w; it says %q\n%s", text, context.Cause(ctx), answer, log)
		}
	}
}

// Kill ends the server with SIGKILL, if it runs.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // it was killed
	_ = s.log.Close()
	s.cmd = nil
}

// wordLimit is how long a server may take to answer. One that is starting sometimes takes a connection and forgets it.
const wordLimit = 500 * time.Millisecond

// Word asks a server a four-letter word.
func Word(addr, word string) (string, error) {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(wordLimit)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(c, word); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(c)
	return string(answer), err
}
