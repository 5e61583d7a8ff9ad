package progress

import (
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/progress"

	"github.com/quorate/quorate/cmd/quorate/internal/render"
	"github.com/quorate/quorate/cmd/quorate/internal/transfer"
)

// interval is the time between two lines where there is no terminal.
const interval = 5 * time.Second

// retryNotice is the least time between two notices that a server is away.
const retryNotice = 5 * time.Second

// Display shows a transfer. Its Events may be used by several goroutines.
type Display struct {
	title    string
	terminal bool

	done, bytes, total atomic.Int64
	waiting            atomic.Int64 // UnixNano of the last notice that a server is away
	writer             progress.Writer
	tracker            *progress.Tracker

	mu struct {
		sync.Mutex
		out io.Writer
	}
}

// New returns a display on out, drawn as a bar if that is a terminal.
func New(out io.Writer, terminal bool, title string) *Display {
	d := &Display{title: title, terminal: terminal}
	d.mu.out = out
	if terminal {
		d.tracker = &progress.Tracker{Message: title}
		d.writer = progress.NewWriter()
		d.writer.SetOutputWriter(out)
		d.writer.SetAutoStop(true)
		d.writer.AppendTracker(d.tracker)
	}
	return d
}

// Events returns the listeners for the transfer.
func (d *Display) Events() transfer.Events {
	return transfer.Events{
		Planned: func(items, _ int64) {
			d.total.Store(items)
			if d.terminal {
				d.tracker.UpdateTotal(items)
			}
		},
		Done: func(items, bytes int64) {
			d.done.Add(items)
			d.bytes.Add(bytes)
			if d.terminal {
				d.tracker.Increment(items)
			}
		},
		Skipped: func(s transfer.Skip) { d.say("skipped %s: %s", printable(s.Path), s.Why) },
		Waiting: func(err error) {
			now, last := time.Now().UnixNano(), d.waiting.Load()
			if now-last > int64(retryNotice) && d.waiting.CompareAndSwap(last, now) {
				d.say("no answer, trying again: %v", err)
			}
		},
	}
}

// While shows progress while do runs, and returns when the display has ended.
func (d *Display) While(do func() error) error {
	stop := make(chan struct{})
	var shown sync.WaitGroup
	shown.Go(func() {
		if d.terminal {
			d.writer.Render() // ends once the tracker is done
			return
		}
		d.lines(stop)
	})
	err := do()
	if d.terminal && err != nil {
		d.tracker.MarkAsErrored()
	} else if d.terminal {
		d.tracker.MarkAsDone()
	}
	close(stop)
	shown.Wait()
	return err
}

// lines prints how far it is from time to time.
func (d *Display) lines(stop <-chan struct{}) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			of := ""
			if total := d.total.Load(); total > 0 {
				of = fmt.Sprintf(" of %d", total)
			}
			d.say("%s: %d%s, %s", d.title, d.done.Load(), of, render.Bytes(d.bytes.Load()))
		}
	}
}

// say prints a line, above the bar if there is one.
func (d *Display) say(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.terminal {
		d.writer.Log(fmt.Sprintf(format, args...))
		return
	}
	_, _ = fmt.Fprintf(d.mu.out, format+"\n", args...) // nobody is left to tell
}

// printable quotes a path that could do something to the terminal.
func printable(path string) string {
	for _, r := range path {
		if !strconv.IsPrint(r) || r == utf8.RuneError {
			return strconv.Quote(path)
		}
	}
	return path
}
