package peer

import (
	"sync"
	"time"

	"github.com/quorate/quorate/store/txn"
)

// flow is what a learner was sent and has not acknowledged yet.
type flow struct {
	mu struct {
		sync.Mutex
		last  txn.Zxid // the last sent
		bytes int64    // not acknowledged
		waits []sentBatch
	}
}

type sentBatch struct {
	last  txn.Zxid
	bytes int64
	at    time.Time
}

// start says that nothing beyond z has been sent.
func (f *flow) start(z txn.Zxid) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.last = z
}

func (f *flow) sent(last txn.Zxid, bytes int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.last = last
	f.mu.bytes += int64(bytes)
	f.mu.waits = append(f.mu.waits, sentBatch{last, int64(bytes), time.Now()})
}

// acked takes an acknowledgement; false if that was never sent.
func (f *flow) acked(z txn.Zxid) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if z > f.mu.last {
		return false
	}
	n := 0
	for n < len(f.mu.waits) && f.mu.waits[n].last <= z {
		f.mu.bytes -= f.mu.waits[n].bytes
		n++
	}
	f.mu.waits = f.mu.waits[n:]
	return true
}

// room tells whether more may be sent.
func (f *flow) room(window int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.bytes < window
}

// waiting returns the bytes that are not acknowledged, and for how long the oldest are not.
func (f *flow) waiting() (bytes int64, oldest time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.mu.waits) == 0 {
		return 0, 0
	}
	return f.mu.bytes, time.Since(f.mu.waits[0].at)
}
