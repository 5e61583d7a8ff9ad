package words

import (
	"fmt"
	"io"
	"math"

	"github.com/quorate/quorate/server/facts"
	"github.com/quorate/quorate/server/metrics"
)

func ruok(out io.Writer, _ *facts.Source) { io.WriteString(out, "imok") }

// mask is the trace mask. Nothing is traced by one here.
func mask(out io.Writer, _ *facts.Source) { io.WriteString(out, "0") }

func isro(out io.Writer, f *facts.Source) {
	switch f.State() {
	case facts.Silent:
		io.WriteString(out, "null")
	case facts.ReadOnly:
		io.WriteString(out, "ro")
	default:
		io.WriteString(out, "rw")
	}
}

func srvr(out io.Writer, f *facts.Source) {
	s := f.Server()
	head(out, s)
	body(out, s)
}

func stat(out io.Writer, f *facts.Source) {
	s := f.Server()
	head(out, s)
	fmt.Fprintln(out, "Clients:")
	for _, c := range f.Connections() {
		fmt.Fprintf(out, " %s)\n", brief(c))
	}
	fmt.Fprintln(out)
	body(out, s)
}

// head is what comes before the connections.
func head(out io.Writer, s facts.Server) {
	fmt.Fprintf(out, "Zookeeper version: %s\n", s.Version)
	if s.State == facts.ReadOnly {
		fmt.Fprintln(out, "READ-ONLY mode; serving only read-only clients")
	}
}

// body is what comes after them.
func body(out io.Writer, s facts.Server) {
	t := s.Traffic
	fmt.Fprintf(out, "Latency min/avg/max: %d/%s/%d\n", whole(t.Latency.Min), metrics.Mean(t.Latency.Avg()), whole(t.Latency.Max))
	fmt.Fprintf(out, "Received: %d\nSent: %d\nConnections: %d\nOutstanding: %d\n", t.Received, t.Sent, t.Connections, t.Outstanding)
	fmt.Fprintf(out, "Zxid: 0x%x\nMode: %s\nNode count: %d\n", uint64(s.Zxid), s.State, s.Nodes)
	if p := s.Proposals; p != nil {
		fmt.Fprintf(out, "Proposal sizes last/min/max: %d/%d/%d\n", p.Last, p.Min, p.Max)
	}
}

// whole is a number of milliseconds as ZooKeeper counts them.
func whole(ms float64) int64 { return int64(math.Round(ms)) }

func mntr(out io.Writer, f *facts.Source) {
	state := f.State()
	fmt.Fprintf(out, "zk_version\t%s\nzk_server_state\t%s\n", f.FullVersion(), state)
	if p := state.PeerState(); p != "" {
		fmt.Fprintf(out, "zk_peer_state\t%s\n", p)
	}
	for _, v := range f.Monitor(state) {
		fmt.Fprintf(out, "zk_%s\t%s\n", v.Name, v.Number)
	}
}

func srst(out io.Writer, f *facts.Source) {
	f.ResetServer()
	fmt.Fprintln(out, "Server stats reset.")
}

func conf(out io.Writer, f *facts.Source) {
	for _, s := range f.Settings() {
		if s.Word != "" {
			fmt.Fprintf(out, "%s=%v\n", s.Word, s.Value)
		}
	}
	if f.State() != facts.Standalone {
		fmt.Fprintf(out, "membership: \n%s", f.Membership())
	}
}

func dirs(out io.Writer, f *facts.Source) {
	d := f.Dirs()
	fmt.Fprintf(out, "datadir_size: %d\nlogdir_size: %d\n", d.Data, d.Log)
}

func envi(out io.Writer, f *facts.Source) {
	fmt.Fprintln(out, "Environment:")
	for _, v := range f.Environment() {
		fmt.Fprintf(out, "%s=%s\n", v.Name, v.Value)
	}
}

func hash(out io.Writer, f *facts.Source) {
	d := f.Digest()
	fmt.Fprintf(out, "%x: %d\n", uint64(d.Zxid), int64(d.Value))
}
