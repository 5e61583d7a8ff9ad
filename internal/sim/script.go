package sim

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/store/txn"
)

// A script is a story: a command a line, and below each, indented, what happened while it
// ran. Lines that are empty or begin with # are for people. The commands:
//
//	servers 3 [observers 1] [seed 7] [latency 1ms] [disk 1ms..5ms] [detect 3s] [silent] [bootstrap] [snapshot 100]
//	          [snaps 2] [diffs 8] [snaprate 100000] [window 8000000] [feed 16000000]
//	                           the world; must be the first. The last five are peer.Limits
//	start 1 2 3                begin a life of each
//	stop 1                     end it in order
//	crash 1 [keep=synced|all|some|cache] [at TEXT]
//	                           end it as a power cut does, or of the process alone (cache); at: when it next
//	                           emits an event with this in it
//	wipe 1                     give a server that is down an empty disk
//	pause 1 2 at TEXT          let the goroutine of each that emits such an event go no further
//	resume 1                   let all of its paused goroutines go on
//	run 50ms                   let time pass
//	await leader|all|quiet     until somebody leads; until every running server serves; until nothing happens
//	                           for a second
//	await load                 until every load has come to its end
//	await 1 TEXT               until server 1 emits such an event
//	cut 1 2                    nothing from 1 arrives at 2 any more
//	isolate 1                  cut it from all others, both ways
//	partition 1 2 | 3          cut all between the groups, and nothing else
//	heal                       undo all cuts
//	favour 1                   elections come out for 1 from here on, whatever it stands on; favour nobody
//	elect 2                    the leader resigns in favour of 2
//	resign 1                   1 resigns in favour of nobody
//	slow 1 50ms                fdatasyncs on 1 take so long
//	room 1 1000000             the disk of 1 has so many bytes; -1: no limit
//	create 1 /a [DATA]         a client of server 1; also set, delete; it waits for the answer. DATA *1000: so many bytes
//	begin create 1 /a [DATA]   the same, but the story goes on
//	load 1 /a 100 5ms          a client of server 1 creates /a0, /a1 and so on, so many, resting after each answer;
//	                           the story goes on, and has a line when it is done
//	sync 1                     how far the ensemble is, as server 1 finds out
//	get 1 /a                   what server 1 shows; read: after a sync
//	log 1                      the zxids in its log, how far it has applied, its epochs; also while it is down
//	expect leader 1            and other facts: see the function expect
//	hide TEXT                  show no steps with this in it from here on; without TEXT none at all
//	show                       show all again
type script struct {
	world   *World
	adapt   []func(*Config)
	hidden  []string
	loads   atomic.Int64 // that go on
	clients int          // that have begun one
}

// RunScript runs a script, in a world that may be adapted, and returns it with what happened. The error names
// the first command that could not be done or an expectation that did not hold. For a bubble.
func RunScript(text string, adapt ...func(*Config)) (string, error) {
	s := &script{adapt: adapt}
	var out strings.Builder
	var failed error
	for number, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if strings.HasPrefix(line, indent) {
			continue // what happened the last time
		}
		out.WriteString(line + "\n")
		fields := strings.Fields(line)
		if failed != nil || len(fields) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		said, err := s.do(fields)
		for _, l := range said {
			out.WriteString(indent + l + "\n")
		}
		if err != nil {
			failed = fmt.Errorf("line %d: %s: %w", number+1, line, err)
		}
	}
	if s.world != nil {
		s.world.Close()
		if broken := s.world.Broken(); len(broken) > 0 && failed == nil {
			failed = errors.New(strings.Join(broken, "\n"))
		}
	}
	return out.String(), failed
}

const indent = "    "

// do does one command and returns what is to be shown: what happened, and then the answer.
func (s *script) do(fields []string) ([]string, error) {
	if s.world == nil {
		return nil, s.servers(fields)
	}
	verb, ok := verbs[fields[0]]
	if !ok {
		return nil, errors.New("no such command")
	}
	answer, err := verb(s, fields[1:])
	synctest.Wait()
	var said []string
	for _, line := range s.world.trace.Since() {
		if s.shows(line) {
			said = append(said, line)
		}
	}
	return append(said, answer...), err
}

func (s *script) shows(line string) bool {
	for _, text := range s.hidden {
		if strings.Contains(line, text) {
			return false
		}
	}
	return true
}

// servers is the first command.
func (s *script) servers(fields []string) error {
	if fields[0] != "servers" || len(fields) < 2 {
		return errors.New("the first command is servers")
	}
	voters, err := strconv.Atoi(fields[1])
	if err != nil {
		return err
	}
	observers := 0
	c := Config{Network: NetworkConfig{Latency: Span{time.Millisecond, time.Millisecond}}, Disk: Span{time.Millisecond, time.Millisecond}}
	for rest := fields[2:]; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		if toggle(&c, name) {
			continue
		}
		if len(rest) == 0 {
			return fmt.Errorf("%s without a value", name)
		}
		if name == "observers" {
			observers, err = strconv.Atoi(rest[0])
		} else {
			err = setting(&c, name, rest[0])
		}
		if err != nil {
			return err
		}
		rest = rest[1:]
	}
	c.Members = Members(voters, observers)
	for _, f := range s.adapt {
		f(&c)
	}
	s.world = NewWorld(c)
	return nil
}

// toggle sets what has no value.
func toggle(c *Config, name string) bool {
	switch name {
	case "silent":
		c.Network.Detect = -1
	case "bootstrap":
		c.Bootstrap = true
	default:
		return false
	}
	return true
}

// setting sets what has one.
func setting(c *Config, name, value string) (err error) {
	switch name {
	case "seed":
		c.Seed, err = strconv.ParseUint(value, 10, 64)
	case "snapshot":
		c.SnapshotTxns, err = strconv.ParseInt(value, 10, 64)
	case "snaps":
		c.Limits.Snapshots, err = strconv.Atoi(value)
	case "diffs":
		c.Limits.Diffs, err = strconv.Atoi(value)
	case "window":
		c.Limits.Window, err = strconv.ParseInt(value, 10, 64)
	case "feed":
		c.Limits.Feed, err = strconv.ParseInt(value, 10, 64)
	case "snaprate":
		c.Limits.SnapshotRate, err = strconv.ParseInt(value, 10, 64)
	case "latency":
		c.Network.Latency, err = parseSpan(value)
	case "disk":
		c.Disk, err = parseSpan(value)
	case "detect":
		c.Network.Detect, err = time.ParseDuration(value)
	default:
		err = fmt.Errorf("no such setting: %s", name)
	}
	return err
}

// parseSpan reads 1ms or 1ms..5ms.
func parseSpan(text string) (s Span, err error) {
	low, high, wide := strings.Cut(text, "..")
	if s.Min, err = time.ParseDuration(low); err != nil {
		return s, err
	}
	s.Max = s.Min
	if wide {
		s.Max, err = time.ParseDuration(high)
	}
	return s, err
}

// host returns the server that a word names.
func (s *script) host(word string) (*Host, error) {
	id, err := strconv.Atoi(word)
	if err != nil || id < 1 || id > len(s.world.hosts) {
		return nil, fmt.Errorf("there is no server %s", word)
	}
	return s.world.Host(txn.ServerID(id)), nil
}

// each does something with each of the servers named.
func (s *script) each(words []string, do func(*Host) error) error {
	if len(words) == 0 {
		return errors.New("which server?")
	}
	for _, w := range words {
		h, err := s.host(w)
		if err != nil {
			return err
		}
		if err := do(h); err != nil {
			return err
		}
	}
	return nil
}

// one returns the first word's server and the other words.
func (s *script) one(words []string) (*Host, []string, error) {
	if len(words) == 0 {
		return nil, nil, errors.New("which server?")
	}
	h, err := s.host(words[0])
	return h, words[1:], err
}
