package peer

import (
	"sync"

	"github.com/quorate/quorate/store/txn"
)

// watermark is a zxid that only grows, and can be waited for.
type watermark struct {
	mu struct {
		sync.Mutex
		at      txn.Zxid
		changed chan struct{} // closed at the next raise; nil while nobody waits
	}
}

// raise moves the mark to z, if it is not there yet.
func (w *watermark) raise(z txn.Zxid) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mu.at = max(w.mu.at, z)
	if w.mu.changed != nil {
		close(w.mu.changed)
		w.mu.changed = nil
	}
}

// poll returns nil if the mark has reached z, else what to wait for.
func (w *watermark) poll(z txn.Zxid) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mu.at >= z {
		return nil
	}
	if w.mu.changed == nil {
		w.mu.changed = make(chan struct{})
	}
	return w.mu.changed
}
