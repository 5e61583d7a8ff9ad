package transfer

import (
	"strings"
	"sync"
	"time"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

const (
	// DataFile is the name of the file that holds the data of a node with children.
	DataFile = ".quorate-data"
	// tempDir holds half-written files during an export, at the top of the target.
	tempDir = ".quorate-tmp"
	// reserved is the subtree of the server's own nodes; with "/" as the root it is left alone.
	reserved = "zookeeper"
)

// Skip is something that was passed over.
type Skip struct {
	// Path is the file, with the directory given, on import; the node's path on export.
	Path string `json:"path"`
	// Why says why in a few words.
	Why string `json:"why"`
}

// Report says what a transfer did. All numbers count nodes, or files and directories, but Bytes.
type Report struct {
	Created   int64 `json:"created"`
	Updated   int64 `json:"updated"`
	Unchanged int64 `json:"unchanged"`
	Deleted   int64 `json:"deleted"`
	// Bytes is the size of all data carried over, what was there already left out.
	Bytes   int64         `json:"bytes"`
	Elapsed time.Duration `json:"-"`
	Skipped []Skip        `json:"skipped"`
}

// Events are called as a transfer goes on, by several goroutines at once. Those that are nil are not called.
type Events struct {
	// Planned tells how much there is to do, when that is known.
	Planned func(items, bytes int64)
	// Done tells of items that are in place.
	Done func(items, bytes int64)
	// Skipped tells of something passed over.
	Skipped func(Skip)
	// Waiting tells of a failure that will be tried again.
	Waiting func(error)
}

// Endpoint is what both directions need to know.
type Endpoint struct {
	// Keeper is the tree.
	Keeper apiv1.KeeperClient
	// Root is the node whose subtree is the directory.
	Root string
	// Dir is the directory.
	Dir string
	// Parallel is how many requests, or files, are worked on at a time; at least 1.
	Parallel int
	// Delete removes what the source does not have.
	Delete bool
	// Timeout bounds one request; above 0.
	Timeout time.Duration
	// Retry is how long to try again while no server can be reached; 0: not at all.
	Retry time.Duration
	// Events may be zero.
	Events Events
}

// effect is what was done for one item.
type effect int

const (
	unchanged effect = iota
	created
	updated
)

// tally collects a Report from several goroutines.
type tally struct {
	events Events
	mu     struct {
		sync.Mutex
		report Report
		// skipped holds the paths, relative to the root, that were passed over with all below them.
		skipped map[string]bool
	}
}

func newTally(events Events) *tally {
	t := &tally{events: events}
	t.mu.skipped = map[string]bool{}
	t.mu.report.Skipped = []Skip{}
	return t
}

func (t *tally) done(e effect, size int) {
	t.mu.Lock()
	switch e {
	case created:
		t.mu.report.Created++
	case updated:
		t.mu.report.Updated++
	case unchanged:
		t.mu.report.Unchanged++
	}
	if e != unchanged {
		t.mu.report.Bytes += int64(size)
	}
	t.mu.Unlock()
	if t.events.Done != nil {
		t.events.Done(1, int64(size))
	}
}

func (t *tally) deleted(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.report.Deleted += int64(n)
}

// skip names something as passed over; rel is its path relative to the root.
func (t *tally) skip(rel, shown, why string) {
	s := Skip{Path: shown, Why: why}
	t.mu.Lock()
	t.mu.skipped[rel] = true
	t.mu.report.Skipped = append(t.mu.report.Skipped, s)
	t.mu.Unlock()
	if t.events.Skipped != nil {
		t.events.Skipped(s)
	}
}

// below tells whether rel or one of its parents was skipped.
func (t *tally) below(rel string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.mu.skipped) == 0 {
		return false
	}
	for {
		if t.mu.skipped[rel] {
			return true
		}
		i := strings.LastIndexByte(rel, '/')
		if i < 0 {
			return false
		}
		rel = rel[:i]
	}
}

func (t *tally) result(start time.Time) Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.mu.report
	r.Elapsed = time.Since(start)
	return r
}
