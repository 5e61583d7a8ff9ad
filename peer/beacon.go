package peer

import "sync"

// beacon tells any number of waiters that something they look at has changed. Ask for the
// channel first, then look, then wait: so nothing is missed.
type beacon struct {
	mu struct {
		sync.Mutex
		changed chan struct{} // closed at the next light; nil while nobody waits
	}
}

// wait returns a channel that the next light closes.
func (b *beacon) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mu.changed == nil {
		b.mu.changed = make(chan struct{})
	}
	return b.mu.changed
}

// light wakes all who wait.
func (b *beacon) light() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mu.changed != nil {
		close(b.mu.changed)
		b.mu.changed = nil
	}
}
