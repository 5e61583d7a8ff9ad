package lease

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// Config is what the leases of a reign depend on. Its functions are called by anybody who uses the leases; none may block.
type Config struct {
	// Tick is how exact expiry is; at least 2 ms.
	Tick time.Duration
	// Round begins a round of pings to the learners and returns its number, and Answered tells whether each of those that
	// serve now has answered that round or a later one.
	Round    func() uint64
	Answered func(round uint64) bool
	// Own returns which sessions of this server's own clients were heard of since it was last called.
	Own func() []txn.SessionID
	// Expire has a session closed that is due, if [Leases.Expire] says so when its turn has come. done is called once,
	// on any goroutine: an error says that the session is to be asked for again.
	Expire func(id txn.SessionID, done func(error))
	// Paused is called when expiry pauses, at the beginning of the reign and after this process stood still.
	Paused func()
}

// window is how many sessions are being closed at a time: however many expire at once, they leave room for
// the requests of those who live.
const window = 128

// Leases are the table of one reign, for several goroutines, and the one that has its sessions expire.
type Leases struct {
	cfg Config

	mu struct {
		sync.Mutex
		table *Table
	}

	// For the goroutine of Run alone.
	stall   uint64          // the last one that a round was begun for
	round   uint64          // that round
	pending []txn.SessionID // due, and not being closed yet
	landed  chan landing    // has room for all that are being closed
	flying  int
	balks   bool // a session could not be closed: nothing more is tried in this half of a tick
}

// landing is the end of an attempt to close a session.
type landing struct {
	id  txn.SessionID
	err error
}

// New returns the leases of a reign that begins now, with these sessions. Nothing expires until Run.
func New(c Config, sessions iter.Seq[tree.Session]) *Leases {
	now := time.Now()
	l := &Leases{cfg: c, landed: make(chan landing, window)}
	l.mu.table = NewTable(c.Tick, now)
	for s := range sessions {
		l.mu.table.Open(s.ID, s.Timeout, 0, now)
	}
	return l
}

// Opened adds a session whose client is attached to the server owner. timeout is in milliseconds.
func (l *Leases) Opened(id txn.SessionID, timeout int64, owner txn.ServerID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.table.Open(id, timeout, owner, time.Now())
}

// Closed removes a session.
func (l *Leases) Closed(id txn.SessionID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.table.Close(id)
}

// Attached makes a server the owner of a session: its client has come there.
func (l *Leases) Attached(id txn.SessionID, owner txn.ServerID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.table.Attach(id, owner, time.Now())
}

// Standing is whether a session's own stream may ask for something.
type Standing uint8

// The standings.
const (
	// Attached: it may.
	Attached Standing = iota
	// Unattached: nobody has attached in this reign. Whoever asks may be where the client was before it went elsewhere.
	Unattached
	// Moved: the client has gone to another server.
	Moved
)

// Asks tells whether a session's own stream may ask for something by way of a server, and if so touches the session.
func (l *Leases) Asks(id txn.SessionID, via txn.ServerID) Standing {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch l.mu.table.Owner(id) {
	case via:
		l.mu.table.Touch(id, time.Now())
		return Attached
	case 0:
		return Unattached
	}
	return Moved
}

// Touched notes that these sessions were heard of, by whichever server.
func (l *Leases) Touched(ids []txn.SessionID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for _, id := range ids {
		l.mu.table.Touch(id, now)
	}
}

// Expire tells whether a session that [Config.Expire] was called for is to be closed: it may have been touched since.
func (l *Leases) Expire(id txn.SessionID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.table.Expire(id, time.Now())
}

// Run has sessions expire until ctx ends.
func (l *Leases) Run(ctx context.Context) {
	pulse := time.NewTimer(l.next())
	defer pulse.Stop()
	for {
		l.launch()
		select {
		case <-pulse.C:
			l.look()
			pulse.Reset(l.next())
		case landed := <-l.landed:
			l.land(landed)
		case <-ctx.Done():
			return
		}
	}
}

// next returns how long it is until the next look.
func (l *Leases) next() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.table.Next(time.Now())
}

// look finds what is due. After a pause it begins a round first, and looks at the answers the next time at the earliest: what
// this server's own clients have said while it stood still has to be read, too.
func (l *Leases) look() {
	own := l.cfg.Own()
	l.Touched(own)
	l.mu.Lock()
	stall, paused := l.mu.table.Stalls(time.Now())
	l.mu.Unlock()
	l.balks = false
	switch {
	case !paused:
		l.collect()
	case stall != l.stall:
		l.cfg.Paused()
		l.stall, l.round = stall, l.cfg.Round()
	case l.cfg.Answered(l.round):
		l.resume(stall)
		l.collect()
	}
}

func (l *Leases) resume(stall uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.table.Resume(stall, time.Now())
}

func (l *Leases) collect() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending = l.mu.table.Due(time.Now(), l.pending)
}

// launch closes what is due, a window at a time.
func (l *Leases) launch() {
	for len(l.pending) > 0 && l.flying < window && !l.balks {
		id := l.pending[0]
		l.pending = l.pending[1:]
		l.flying++
		l.cfg.Expire(id, func(err error) { l.landed <- landing{id, err} })
	}
	if len(l.pending) == 0 {
		l.pending = nil
	}
}

// land takes note of the end of an attempt.
func (l *Leases) land(a landing) {
	l.flying--
	if a.err == nil {
		return
	}
	l.balks = true
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.table.Again(a.id)
}
