package words

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/quorate/quorate/server/facts"
	"github.com/quorate/quorate/server/lease"
	"github.com/quorate/quorate/server/traffic"
	"github.com/quorate/quorate/store/txn"
)

// brief is a connection as stat has it, without the bracket at its end. What stands in brackets is what the server waits for: 1, that something
// can be read.
func brief(c traffic.Info) string {
	waits := 0
	if c.Session != 0 {
		waits = 1
	}
	return fmt.Sprintf("/%s[%d](queued=%d,recved=%d,sent=%d", c.Remote, waits, c.Outstanding, c.Received, c.Sent)
}

func cons(out io.Writer, f *facts.Source) {
	for _, c := range f.Connections() {
		fmt.Fprintf(out, " %s", brief(c))
		if c.Session != 0 {
			detail(out, c)
		}
		fmt.Fprintln(out, ")")
	}
	fmt.Fprintln(out)
}

// detail is what cons tells of a connection with a session.
func detail(out io.Writer, c traffic.Info) {
	operation, zxid, answered := "NA", uint64(1<<64-1), int64(0)
	if !c.At.IsZero() {
		operation, zxid, answered = traffic.Name(c.Op), uint64(c.Zxid), c.At.UnixMilli()
	}
	fmt.Fprintf(out, ",sid=0x%x,lop=%s,est=%d,to=%d", uint64(c.Session), operation, c.Came.UnixMilli(), c.Timeout.Milliseconds())
	if !c.At.IsZero() {
		fmt.Fprintf(out, ",lcxid=0x%x", c.Xid)
	}
	fmt.Fprintf(out, ",lzxid=0x%x,lresp=%d,llat=%d,minlat=%d,avglat=%d,maxlat=%d", zxid, answered,
		c.Last.Milliseconds(), c.Min.Milliseconds(), c.Avg().Milliseconds(), c.Max.Milliseconds())
}

func crst(out io.Writer, f *facts.Source) {
	f.Traffic.ResetConns()
	fmt.Fprintln(out, "Connection stats reset.")
}

func dump(out io.Writer, f *facts.Source) {
	s := f.Sessions()
	fmt.Fprintln(out, "SessionTracker dump:")
	if len(s.Locals) > 0 {
		deadlines(out, "Local Session", s.Locals)
	}
	if s.Leads {
		deadlines(out, "Session", s.Deadlines)
	} else {
		fmt.Fprintf(out, "Global Sessions(%d):\n", len(s.Open))
		for _, open := range s.Open {
			fmt.Fprintf(out, "%s\t%dms\n", sessionID(open.ID), open.Timeout.Milliseconds())
		}
	}
	fmt.Fprintf(out, "ephemeral nodes dump:\nSessions with Ephemerals (%d):\n", len(s.Ephemerals))
	for _, e := range s.Ephemerals {
		list(out, sessionID(e.Session)+":", e.Paths)
	}
	fmt.Fprintln(out, "Connections dump:")
	connections(out, f.Connections())
}

func sessionID(id txn.SessionID) string { return fmt.Sprintf("0x%x", uint64(id)) }

// deadlines is when sessions expire.
func deadlines(out io.Writer, what string, all []lease.Deadline) {
	total := 0
	for _, d := range all {
		total += len(d.Sessions)
	}
	fmt.Fprintf(out, "%s Sets (%d)/(%d):\n", what, len(all), total)
	for _, d := range all {
		fmt.Fprintf(out, "%d expire at %s:\n", len(d.Sessions), date(d.At))
		for _, id := range d.Sessions {
			fmt.Fprintf(out, "\t%s\n", sessionID(id))
		}
	}
}

// date is a time as Java writes it.
func date(t time.Time) string { return t.UTC().Format("Mon Jan 02 15:04:05 MST 2006") }

// idle is how long a connection without a session is borne with.
const idle = 10 * time.Second

// connections is when the connections would be given up if nothing more came: it is their sessions that expire.
func connections(out io.Writer, all []traffic.Info) {
	at := map[time.Time][]traffic.Info{}
	for _, c := range all {
		last, patience := c.Came, idle
		if c.Session != 0 {
			patience = c.Timeout
		}
		if c.At.After(last) {
			last = c.At
		}
		due := last.Add(patience).Truncate(time.Second).Add(time.Second)
		at[due] = append(at[due], c)
	}
	fmt.Fprintf(out, "Connections Sets (%d)/(%d):\n", len(at), len(all))
	for _, due := range slices.SortedFunc(maps.Keys(at), time.Time.Compare) {
		fmt.Fprintf(out, "%d expire at %s:\n", len(at[due]), date(due))
		for _, c := range at[due] {
			fmt.Fprintf(out, "\tip: /%s sessionId: %s\n", c.Remote, sessionID(c.Session))
		}
	}
}

func wchc(out io.Writer, f *facts.Source) {
	for _, w := range f.Watched() {
		list(out, sessionID(w.Session), w.Paths)
	}
	fmt.Fprintln(out)
}

func wchp(out io.Writer, f *facts.Source) {
	for _, w := range f.Watchers() {
		ids := make([]string, len(w.Sessions))
		for i, id := range w.Sessions {
			ids[i] = sessionID(id)
		}
		list(out, w.Path, ids)
	}
	fmt.Fprintln(out)
}

func wchs(out io.Writer, f *facts.Source) {
	s := f.WatchSummary()
	fmt.Fprintf(out, "%d connections watching %d paths\nTotal watches:%d\n", s.Connections, s.Paths, s.Total)
}

// list is a line and what belongs to it, each on a line of its own.
func list(out io.Writer, line string, below []string) {
	fmt.Fprintln(out, line)
	for _, b := range below {
		fmt.Fprintf(out, "\t%s\n", b)
	}
}
