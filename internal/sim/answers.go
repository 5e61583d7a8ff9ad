package sim

import (
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// ask notes that a client asks for an operation, or for a read if op is empty. It returns
// after what the answer has to come.
func (c *checker) ask(op string) (floor txn.Zxid) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if op != "" {
		c.mu.asked[op] = false
	}
	return c.mu.answered
}

// wrote holds the answer to a write against the history, and returns the error that the client
// sees: what a process answers in the instant of its death is lost.
func (c *checker) wrote(l *life, op string, floor, z txn.Zxid, err error) error {
	c.bounded()
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.dead.Load() {
		return errGone
	}
	c.lookLocked()
	server := l.host.ID
	i, committed := c.mu.history.ops[op]
	switch {
	case err != nil && outcomeUnknown(err):
	case err != nil:
		c.mu.asked[op] = true
		if committed {
			c.failLocked(server, "NoLostAck: it refused %q, which is committed at %v: %v", op, c.mu.history.entries[i].zxid, err)
		}
	case !committed || c.mu.history.entries[i].zxid != z:
		c.failLocked(server, "NoLostAck: it answered %q with %v, where that is not", op, z)
	case z <= floor:
		c.failLocked(server, "Linearizability: it answered %q with %v, and %v had been answered before it was asked", op, z, floor)
	}
	if err == nil {
		c.mu.answered = max(c.mu.answered, z)
	}
	return err
}

// read holds what a client has read after a Sync, at z, against the history.
func (c *checker) read(l *life, path string, floor, z txn.Zxid, data string, there bool) error {
	c.bounded()
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.dead.Load() {
		return errGone
	}
	c.lookLocked()
	server := l.host.ID
	if z < floor {
		c.failLocked(server, "Linearizability: it read at %v, and %v had been answered before it was asked", z, floor)
	}
	if was, wasThere := c.mu.history.at(path, z); was != data || wasThere != there {
		c.failLocked(server, "Linearizability: %s at %v is %q (%v) in the history, and was read as %q (%v)", path, z, was, wasThere, data, there)
	}
	c.mu.answered = max(c.mu.answered, z)
	return nil
}

// down looks for the last time at a server that ends in order, whose store is still open. Then
// it is taken for what it has on its disk.
func (c *checker) down(l *life) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lookLocked()
	l.mu.Lock()
	r := l.mu.server
	l.mu.server = nil
	l.mu.Unlock()
	d, err := inspect(r.store)
	if err != nil {
		d, err = inspectDisk(l.host.ID, l.disk.crash(KeepAll))
	}
	if err != nil {
		c.failLocked(l.host.ID, "Recovery: its log cannot be read: %v", err)
	}
	c.mu.watched[l.host.ID].down = d
}

// crash makes a crash and looks at what it leaves: at what it would have left if nothing unsynced
// had been kept, too.
func (c *checker) crash(l *life, keep Keep, end func(left *vfs.Mem)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lookLocked()
	w := c.mu.watched[l.host.ID]
	if r := l.running(); r != nil {
		applied := r.store.Version().Zxid()
		durable := r.store.Durable()
		d, err := inspectDisk(l.host.ID, l.disk.crash(KeepSynced))
		switch {
		case err != nil:
			c.failLocked(l.host.ID, "Recovery: what a power cut leaves cannot be opened: %v", err)
		case d.last() < max(applied, durable):
			c.failLocked(l.host.ID, "MemoryNotAheadOfDisk: it has applied %v, %v is durable, and its disk ends with %v", applied, durable, d.last())
		case d.epochs.Accepted < w.accepted || d.epochs.Current < w.current:
			c.failLocked(l.host.ID, "MemoryNotAheadOfDisk: it was in epochs %d and %d, and its disk has %+v", w.accepted, w.current, d.epochs)
		}
	}
	left := l.disk.crash(keep)
	end(left)
	d, err := inspectDisk(l.host.ID, left.CrashClone(nil, vfs.KeepSynced))
	if err != nil {
		c.failLocked(l.host.ID, "Recovery: what a power cut has left cannot be opened: %v", err)
	}
	w.down = d
}

// wiped notes that a server has lost its disk.
func (c *checker) wiped(id txn.ServerID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.wiped = true
	*c.mu.watched[id] = watched{}
}

// ended notes that a server has ended by itself, or did not start.
func (c *checker) ended(l *life, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !l.disk.faulty() {
		c.failLocked(l.host.ID, "Recovery: it has ended by itself: %s", firstLine(err))
	}
}
