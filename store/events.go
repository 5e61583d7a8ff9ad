package store

import (
	"time"

	"github.com/quorate/quorate/store/snap"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/wal"
)

// Events are functions the store calls at its observable steps; each may be nil.
// They must return soon, and must not call the store. Several may be called at once.
type Events struct {
	// Log are the events of the log.
	Log wal.Events
	// Created: the data directory was empty and has got this storage identity.
	Created func(txn.StorageID)
	// Renewed: the data directory can no longer vouch for what it acknowledged,
	// and has a new storage identity.
	Renewed func(old, now txn.StorageID)
	// Recovering: this much of the log has been replayed, every second or so. Of 0 bytes: a snapshot is being loaded.
	Recovering func(Progress)
	// Recovered: Open has succeeded.
	Recovered func(Recovery)
	// LogDiscarded: the installation of the snapshot at a zxid had been
	// interrupted; it was finished by emptying the log, which ended at last.
	LogDiscarded func(snapshot, last txn.Zxid)
	// SnapshotSkipped: a snapshot cannot be used and was passed over.
	SnapshotSkipped func(path string, err error)
	// SnapshotWritten: a snapshot is durable.
	SnapshotWritten func(info snap.Info, took time.Duration)
	// SnapshotFailed: a snapshot could not be written; it is tried again after retry.
	SnapshotFailed func(err error, retry time.Duration)
	// SnapshotRemoved: a snapshot is gone.
	SnapshotRemoved func(path string)
	// Installed: a snapshot from another server has become the state.
	Installed func(snap.Info)
	// ReserveReleased: the disk is full, and the reserve was given up for
	// something that makes room.
	ReserveReleased func(cause error)
	// ReserveRestored: the reserve is there again.
	ReserveRestored func()
	// TidyFailed: old snapshots, old log segments or the reserve could not be seen to; tried again later.
	TidyFailed func(err error)
}

// Progress is how far recovery has come.
type Progress struct {
	// At is the last txn applied.
	At txn.Zxid
	// Until is the last one that will be applied.
	Until txn.Zxid
	// Txns and Bytes are what has been applied so far.
	Txns, Bytes int64
}

// Recovery is what Open found.
type Recovery struct {
	// Snapshot is the zxid of the snapshot it began with; 0: none.
	Snapshot txn.Zxid
	// Applied is the last txn applied, Last the last one in the log.
	Applied, Last txn.Zxid
	// Txns and Bytes are what was replayed from the log.
	Txns, Bytes int64
	// Took is the time it took.
	Took time.Duration
}

// The calls below spare the rest of the package the question whether anybody listens.

func (e *Events) created(id txn.StorageID) {
	if e.Created != nil {
		e.Created(id)
	}
}

func (e *Events) renewed(old, now txn.StorageID) {
	if e.Renewed != nil {
		e.Renewed(old, now)
	}
}

func (e *Events) recovering(p Progress) {
	if e.Recovering != nil {
		e.Recovering(p)
	}
}

func (e *Events) recovered(r Recovery) {
	if e.Recovered != nil {
		e.Recovered(r)
	}
}

func (e *Events) logDiscarded(snapshot, last txn.Zxid) {
	if e.LogDiscarded != nil {
		e.LogDiscarded(snapshot, last)
	}
}

func (e *Events) snapshotSkipped(path string, err error) {
	if e.SnapshotSkipped != nil {
		e.SnapshotSkipped(path, err)
	}
}

func (e *Events) snapshotWritten(info snap.Info, took time.Duration) {
	if e.SnapshotWritten != nil {
		e.SnapshotWritten(info, took)
	}
}

func (e *Events) snapshotFailed(err error, retry time.Duration) {
	if e.SnapshotFailed != nil {
		e.SnapshotFailed(err, retry)
	}
}

func (e *Events) snapshotRemoved(files []snap.File) {
	for _, f := range files {
		if e.SnapshotRemoved != nil {
			e.SnapshotRemoved(f.Path)
		}
	}
}

func (e *Events) installed(info snap.Info) {
	if e.Installed != nil {
		e.Installed(info)
	}
}

func (e *Events) reserveReleased(cause error) {
	if e.ReserveReleased != nil {
		e.ReserveReleased(cause)
	}
}

func (e *Events) reserveRestored() {
	if e.ReserveRestored != nil {
		e.ReserveRestored()
	}
}

func (e *Events) tidyFailed(err error) {
	if e.TidyFailed != nil {
		e.TidyFailed(err)
	}
}
