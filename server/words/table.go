package words

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"sync/atomic"

	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/server/facts"
)

// word is one of them.
type word struct {
	name string
	// always: it is answered also by a server that has no leader and serves nobody.
	always bool
	write  func(io.Writer, *facts.Source)
}

// table has all words.
var table = []word{
	{"conf", false, conf}, // how the server is set up
	{"cons", false, cons}, // the connections of ZooKeeper's clients, with what each has done
	{"crst", false, crst}, // forgets what they have done
	{"dirs", false, dirs}, // how much there is on disk
	{"dump", false, dump}, // sessions, and their ephemeral nodes
	{"envi", true, envi},  // what the process runs in
	{"gtmk", true, mask},  // the trace mask: there is none
	{"hash", false, hash}, // the digest of the tree
	{"isro", true, isro},  // whether there are only reads
	{"mntr", false, mntr}, // all metrics
	{"ruok", true, ruok},  // whether the process is alive
	{"srst", false, srst}, // forgets packets and latencies
	{"srvr", false, srvr}, // what the server is and does
	{"stat", false, stat}, // that, and the connections
	{"stmk", true, mask},  // sets the trace mask: without effect
	{"wchc", false, wchc}, // watches by session
	{"wchp", false, wchp}, // watches by path
	{"wchs", false, wchs}, // how many watches
	{telnetClose, true, func(io.Writer, *facts.Source) {}},
}

// telnetClose is what a telnet client sends when its user interrupts it; it has no answer.
const telnetClose = "\xff\xf4\xff\xfd"

// find returns a word of the table.
func find(name string) (word, bool) {
	i := slices.IndexFunc(table, func(w word) bool { return w.name == name })
	if i < 0 {
		return word{}, false
	}
	return table[i], true
}

// Is tells whether the first four bytes of a connection are a word.
func Is(first string) bool {
	_, ok := find(first)
	return ok
}

// Config is what words are answered by.
type Config struct {
	// Facts is what there is to tell.
	Facts *facts.Source
	// Enabled are the words that are answered.
	Enabled config.Words
}

// Words answers. Its method may be called by anybody.
type Words struct {
	cfg  Config
	busy atomic.Bool // with one of the long ones
}

// long are the words whose answers have no bound: they take a second of work where there are 100,000 watches. One of them is
// answered at a time, so that who asks again and again keeps the server from nothing else.
var long = []string{"dump", "wchc", "wchp"}

// New returns who answers.
func New(c Config) *Words { return &Words{cfg: c} }

// notServing is the answer of a server without a leader.
const notServing = "This ZooKeeper instance is not currently serving requests\n"

// Answer writes the answer to a word: what there is to tell; or that the word is not enabled, or that the server serves nobody.
func (w *Words) Answer(out io.Writer, name string) {
	b := bufio.NewWriter(out)
	defer b.Flush()
	switch word, known := find(name); {
	case !known:
	case name != telnetClose && !w.enabled(name):
		fmt.Fprintf(b, "%s is not executed because it is not in the whitelist.\n", name)
	case !word.always && w.cfg.Facts.State() == facts.Silent:
		b.WriteString(notServing)
	case slices.Contains(long, name):
		if !w.busy.CompareAndSwap(false, true) {
			fmt.Fprintf(b, "%s is not executed because the server answers another such word.\n", name)
			return
		}
		defer w.busy.Store(false)
		word.write(b, w.cfg.Facts)
		b.Flush()
	default:
		word.write(b, w.cfg.Facts)
	}
}

// enabled tells whether a word is answered. Clients that look for a server that takes writes ask isro: with read-only mode it is, as in ZooKeeper.
func (w *Words) enabled(name string) bool {
	return w.cfg.Enabled.Has(name) || name == "isro" && w.cfg.Facts.Config.ReadOnlyMode
}
