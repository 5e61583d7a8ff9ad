package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/quorate/quorate/store/epochs"
	"github.com/quorate/quorate/store/identity"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/wal"
)

// Store is an open data directory. Its methods may be called from several
// goroutines, except where one says otherwise.
type Store struct {
	cfg     Config
	lock    io.Closer
	log     *wal.Log
	epochs  *epochs.File
	reserve *reserve
	snaps   *snapshots
	version atomic.Pointer[tree.Version]

	mu struct {
		sync.Mutex
		identity   identity.Record // as it stands on disk
		installing bool            // between Install and its Commit or Abort
	}
}

// Open locks and recovers a data directory, or creates it. It starts no
// goroutine that outlives it; nothing is written to the log until [Store.Run].
// A refusal says in a sentence what is wrong and what to do. The end of ctx ends a recovery.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg}
	s.reserve = &reserve{fs: cfg.FS, path: s.file("reserve"), size: cfg.Reserve, events: &s.cfg.Events}
	s.snaps = newSnapshots(s)
	if err := s.open(ctx); err != nil {
		if closing := s.Close(); closing != nil {
			err = errors.Join(err, closing)
		}
		return nil, err
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	if err := s.makeDirs(); err != nil {
		return err
	}
	if err := s.takeLock(); err != nil {
		return err
	}
	if err := s.openIdentity(); err != nil {
		return err
	}
	if err := s.reserve.find(); err != nil {
		return err
	}
	if err := s.recover(ctx); err != nil {
		return err
	}
	if err := s.reserve.restore(); err != nil { // no room now is no reason not to serve reads
		s.cfg.Events.tidyFailed(err)
	}
	return nil
}

func (s *Store) file(name string) string { return filepath.Join(s.cfg.Dir, name) }
func (s *Store) logDir() string          { return s.file("log") }
func (s *Store) snapDir() string         { return s.file("snap") }

// Run carries the log and the background snapshots until ctx ends, and returns
// nil then, after all that was appended is durable; or until the log fails, and
// returns why: the directory must then be opened again. Run is called once.
func (s *Store) Run(ctx context.Context) error {
	g, inner := errgroup.WithContext(ctx)
	g.Go(func() error { return s.log.Run(inner) })
	g.Go(func() error { s.snaps.run(inner); return nil })
	err := g.Wait()
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// Close gives the directory up, after Run has returned or without a Run.
func (s *Store) Close() error {
	var errs []error
	if s.log != nil {
		errs = append(errs, s.log.Close())
	}
	if s.epochs != nil {
		errs = append(errs, s.epochs.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// Identity returns whose directory this is.
func (s *Store) Identity() identity.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.identity
}

// SetEnsemble makes the directory that of an ensemble, durably. It refuses if it
// is that of another.
func (s *Store) SetEnsemble(id txn.EnsembleID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.mu.identity
	if err := next.Check(s.cfg.Dir, next.Server, id); err != nil {
		return err
	}
	if id == next.Ensemble {
		return nil
	}
	next.Ensemble = id
	return s.setIdentity(next)
}

// RenewStorage draws a new storage identity, durably: the directory can no longer
// vouch for what it acknowledged (DESIGN P6).
func (s *Store) RenewStorage() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.mu.identity
	old := next.Storage
	next.Storage = txn.StorageID(identity.Draw(s.cfg.Random, uint64(old)))
	if err := s.setIdentity(next); err != nil {
		return err
	}
	s.cfg.Events.renewed(old, next.Storage)
	return nil
}

// setIdentity makes r durable, then the identity in memory. The caller holds mu.
func (s *Store) setIdentity(r identity.Record) error {
	err := s.reserve.spend(func() error { return identity.Write(s.cfg.FS, s.file("identity"), r) })
	if err == nil {
		s.mu.identity = r
	}
	return err
}

// Epochs returns what this server has promised, as it stands on disk.
func (s *Store) Epochs() epochs.Record { return s.epochs.Get() }

// SetEpochs makes r the promise; when it returns nil, r is durable. It never
// lowers an epoch: see [epochs.File.Set].
func (s *Store) SetEpochs(r epochs.Record) error { return s.epochs.Set(r) }

// LowerEpochs makes r the promise even where it goes back, which only an observer may: see [epochs.File.Lower].
func (s *Store) LowerEpochs(r epochs.Record) error { return s.epochs.Lower(r) }

// Version returns the published version of the tree: committed, durable here and
// applied. It takes no lock.
func (s *Store) Version() *tree.Version { return s.version.Load() }

// Change is what one txn did to the nodes and sessions of the tree.
type Change struct {
	// Zxid is the txn's.
	Zxid txn.Zxid
	// Effects are what it did, in order.
	Effects []tree.Effect
	// Closed is the session that it ended; 0 if it ended none.
	Closed txn.SessionID
}

// AddChange adds what a txn did to changes, if anybody wants to know.
func AddChange(changes []Change, z txn.Zxid, out *tree.Outcome) []Change {
	if len(out.Effects) == 0 && out.Closed == 0 {
		return changes
	}
	return append(changes, Change{z, out.Effects, out.Closed})
}

// Publication is a new version with what led to it.
type Publication struct {
	// Version is the tree now.
	Version *tree.Version
	// Changes are those since the version before, in order; txns without effects are left out.
	Changes []Change
	// Jump says that it came as a snapshot: what happened since the version before is not known.
	Jump bool
}

// Publish makes v the published version. changes are what has happened since the one before, and bytes is the size of
// these txns, as encoded; with their number it decides when a snapshot is due. For the one
// goroutine that applies; v must be newer than the version before, and durable in the log.
func (s *Store) Publish(v *tree.Version, changes []Change, bytes int64) {
	old := s.Version()
	assert(v.Zxid() > old.Zxid(), "publishing %s after %s", v.Zxid(), old.Zxid())
	durable := s.log.Durable()
	assert(v.Zxid() <= durable, "memory is ahead of disk: publishing %s with the log durable up to %s", v.Zxid(), durable)
	s.cfg.Published(Publication{Version: v, Changes: changes})
	s.version.Store(v)
	s.snaps.count(between(old.Zxid(), v.Zxid()), bytes)
}

// between returns the number of txns after a up to b. Across epochs, where the
// end of a's is not known, it counts those of b's.
func between(a, b txn.Zxid) int64 {
	if a.Epoch() == b.Epoch() {
		return int64(b.Counter()) - int64(a.Counter())
	}
	return int64(b.Counter())
}

// assert panics if a rule that this package relies on is broken.
func assert(ok bool, format string, args ...any) {
	if !ok {
		panic("store: broken invariant: " + fmt.Sprintf(format, args...))
	}
}
