package peer

import (
	"bytes"
	"sort"
	"sync"

	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/wal"
)

// feed is the end of the leader's log in memory: a bounded window of encoded txns, for
// all learners together. Nothing is queued for one of them: each has a [cursor], a place in
// the log, and reads from the window, or from the log's files what lies before it.
//
//	 log on disk   ├───────────────────────────────┤ durable
//	 window                           ├────────────────────┤ last
//	                    ▲                       ▲          ▲
//	cursors      syncing learner           a slow one    the others
type feed struct {
	store *store.Store
	limit int64   // of the window, in bytes of payload
	news  *beacon // lit when records come

	mu struct {
		sync.Mutex
		// window holds the records after base, in order. What is not durable yet is
		// always in it, since the files do not show that.
		window  []wal.Record
		base    txn.Zxid
		bytes   int64
		durable txn.Zxid // the log was, when records last came
	}
}

func newFeed(st *store.Store, limit int64, news *beacon) *feed {
	f := &feed{store: st, limit: limit, news: news}
	f.mu.base = st.Last()
	return f
}

// append adds records that have been handed to the log.
func (f *feed) append(recs []wal.Record) {
	durable := f.store.Durable()
	f.mu.Lock()
	f.mu.window = append(f.mu.window, recs...)
	for _, r := range recs {
		f.mu.bytes += int64(len(r.Payload))
	}
	f.mu.durable = durable
	f.trim(durable)
	f.mu.Unlock()
	f.news.light()
}

// trim needs mu. It forgets the oldest records beyond the limit.
func (f *feed) trim(durable txn.Zxid) {
	n := 0
	for n < len(f.mu.window) && f.mu.bytes > f.limit && f.mu.window[n].Zxid <= durable {
		f.mu.bytes -= int64(len(f.mu.window[n].Payload))
		f.mu.base = f.mu.window[n].Zxid
		n++
	}
	f.mu.window = f.mu.window[n:]
}

// last returns the last zxid of the log.
func (f *feed) last() txn.Zxid {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.mu.window); n > 0 {
		return f.mu.window[n-1].Zxid
	}
	return f.mu.base
}

// since returns records after z and up to limit, as many as fit in size bytes, but one at
// least. ok is false if z lies before the window. The records are not changed later.
func (f *feed) since(z, limit txn.Zxid, size int) (recs []wal.Record, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if z < f.mu.base {
		return nil, false
	}
	w := f.mu.window
	from := sort.Search(len(w), func(i int) bool { return w[i].Zxid > z })
	to := from
	for to < len(w) && w[to].Zxid <= limit {
		if size -= len(w[to].Payload); size < 0 && to > from {
			break
		}
		to++
	}
	return w[from:to:to], true
}

// floor returns the greatest zxid of the log, its base included, that is not greater than z;
// 0 if the log no longer reaches back so far.
func (f *feed) floor(z txn.Zxid) (txn.Zxid, error) {
	f.mu.Lock()
	w, base := f.mu.window, f.mu.base
	f.mu.Unlock()
	if n := sort.Search(len(w), func(i int) bool { return w[i].Zxid > z }); n > 0 {
		return w[n-1].Zxid, nil
	}
	if z >= base {
		return base, nil
	}
	return f.store.Floor(z)
}

// cursor is a learner's place in the leader's log. It belongs to one goroutine.
type cursor struct {
	feed   *feed
	at     txn.Zxid    // all up to here has been given out
	reader *wal.Reader // nil while the window has what is next; it pins the log's files
	ahead  wal.Record  // what was read and not given out yet; without a zxid if nothing
}

// cursor returns one at z, which must be in the log or its base. If that is not in the window, the
// log is kept from being purged from there on until the cursor has come to the window or is closed;
// wal.ErrCompacted says that it has been already.
func (f *feed) cursor(z txn.Zxid) (*cursor, error) {
	c := &cursor{feed: f, at: z}
	if _, ok := f.since(z, z, 0); ok {
		return c, nil
	}
	return c, c.open()
}

func (c *cursor) open() (err error) {
	c.reader, err = c.feed.store.Reader(c.at)
	return err
}

// close gives up what it pins.
func (c *cursor) close() error {
	if c.reader == nil {
		return nil
	}
	r := c.reader
	c.reader, c.ahead = nil, wal.Record{}
	return r.Close()
}

// next returns what follows, up to limit: as many records as fit in size bytes, but one at least;
// none if there is nothing yet. wal.ErrCompacted: what follows has been purged.
func (c *cursor) next(limit txn.Zxid, size int) ([]wal.Record, error) {
	recs, ok := c.feed.since(c.at, limit, size)
	if ok {
		if err := c.close(); err != nil {
			return nil, err
		}
	} else {
		if c.reader == nil {
			if err := c.open(); err != nil {
				return nil, err
			}
		}
		var err error
		if recs, err = c.read(limit, size); err != nil {
			return nil, err
		}
	}
	if n := len(recs); n > 0 {
		c.at = recs[n-1].Zxid
	}
	return recs, nil
}

// read reads from the log's files. A record that turns out to lie beyond the bounds is kept for the
// next time.
func (c *cursor) read(limit txn.Zxid, size int) (recs []wal.Record, err error) {
	for {
		if c.ahead.Zxid == 0 {
			rec, ok, err := c.reader.Next()
			if err != nil || !ok {
				return recs, err
			}
			c.ahead = wal.Record{Zxid: rec.Zxid, Payload: bytes.Clone(rec.Payload)}
		}
		size -= len(c.ahead.Payload)
		if c.ahead.Zxid > limit || size < 0 && len(recs) > 0 {
			return recs, nil
		}
		recs = append(recs, c.ahead)
		c.ahead = wal.Record{}
	}
}
