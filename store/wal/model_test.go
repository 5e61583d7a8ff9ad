package wal_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// world is what a log may hold: base, and the records after it.
type world struct {
	base, purged txn.Zxid // the log may start anywhere from base to purged
	recs         []wal.Record
}

// admits says why the log is not what w says, "" if it is.
func (w world) admits(l *wal.Log) string {
	base := l.Base()
	if base < w.base || base > max(w.base, w.purged) {
		return fmt.Sprintf("base %v, not %v to %v", base, w.base, w.purged)
	}
	got, err := contents(l, base)
	if err != nil {
		return err.Error()
	}
	i := slices.IndexFunc(w.recs, func(r wal.Record) bool { return r.Zxid > base })
	if i < 0 {
		i = len(w.recs)
	}
	return differ(got, w.recs[i:])
}

// model follows a log: the first of its worlds is what was acknowledged, the others
// what has been asked for since, step by step. A crash may leave any of them.
type model struct {
	mu     sync.Mutex
	worlds []world // guarded by mu
}

func newModel() *model { return &model{worlds: []world{{}}} }

// asks adds the world that the next step leads to.
func (m *model) asks(step func(world) world) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.worlds[len(m.worlds)-1]
	w.recs = slices.Clone(w.recs)
	m.worlds = append(slices.Clip(m.worlds), step(w))
}

// acknowledged: all that was asked for is durable.
func (m *model) acknowledged() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.worlds = m.worlds[len(m.worlds)-1:]
}

// freeze returns what a power cut now would leave, with the worlds that admit it.
// Nothing is asked for or acknowledged between the one and the other.
func (m *model) freeze(cut func() *vfs.Mem) (*vfs.Mem, *model) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return cut(), &model{worlds: m.worlds}
}

// admits says why the log is none of the worlds, "" if it is one.
func (m *model) admits(l *wal.Log) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var reasons string
	for i, w := range m.worlds {
		reason := w.admits(l)
		if reason == "" {
			return ""
		}
		reasons += fmt.Sprintf("\n  world %d of %d: %s", i, len(m.worlds), reason)
	}
	return reasons
}

// story is a life of a log in which everything happens. Each step ends the story if it
// fails.
type story struct {
	log  *wal.Log
	m    *model
	next txn.Zxid
	gen  byte // tells records of the same zxid apart
}

func (s *story) take(n, size int) []wal.Record {
	all := make([]wal.Record, n)
	for i := range all {
		s.next++
		all[i] = rec(s.next, size, s.gen)
	}
	return all
}

// appends appends n records in one call, which must not be torn apart.
func (s *story) appends(n, size int) error {
	all := s.take(n, size)
	s.m.asks(func(w world) world {
		w.recs = append(w.recs, all...)
		return w
	})
	return s.log.Append(context.Background(), all...)
}

func (s *story) sync() error {
	err := s.log.Sync(context.Background())
	if err == nil {
		s.m.acknowledged()
	}
	synctest.Wait() // until the next segment is ready
	return err
}

func (s *story) truncate(z txn.Zxid) error {
	s.next, s.gen = z, s.gen+1
	s.m.asks(func(w world) world {
		w.recs = slices.DeleteFunc(w.recs, func(r wal.Record) bool { return r.Zxid > z })
		return w
	})
	err := s.log.TruncateAfter(context.Background(), z)
	if err == nil {
		s.m.acknowledged()
	}
	return err
}

func (s *story) purge(z txn.Zxid) error {
	s.m.asks(func(w world) world {
		w.purged = z
		return w
	})
	return s.log.PurgeBefore(z)
}

func (s *story) reset(base txn.Zxid) error {
	s.next, s.gen = base, s.gen+1
	s.m.asks(func(world) world { return world{base: base} })
	err := s.log.Reset(context.Background(), base)
	if err == nil {
		s.m.acknowledged()
	}
	return err
}

// run tells the story up to the first error.
func (s *story) run() error {
	steps := []func() error{
		func() error { return s.appends(1, 100) }, s.sync,
		func() error { return s.appends(3, 700) }, func() error { return s.appends(2, 10) }, s.sync,
		func() error { return s.appends(6, 9000) }, s.sync,
		func() error { return s.appends(5, 9000) }, func() error { return s.appends(5, 5000) }, s.sync, // rolls
		func() error { return s.truncate(13) },
		func() error { return s.appends(5, 9000) }, s.sync,
		func() error { return s.truncate(3) }, // back into an older segment
		func() error { return s.appends(11, 5000) }, func() error { return s.appends(1, 0) }, s.sync,
		func() error { return s.appends(6, 9000) }, s.sync,
		func() error { return s.purge(14) },
		func() error { return s.appends(2, 9000) }, func() error { return s.truncate(21) },
		func() error { return s.appends(2, 9000) }, func() error { return s.reset(40) },
		func() error { return s.appends(9, 5000) }, s.sync,
		func() error { return s.reset(30) }, // backwards
		func() error { return s.appends(3, 100) }, s.sync,
		func() error { return s.appends(9, 6000) }, func() error { return s.appends(1, 1) },
	}
	for i, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	return nil
}

// tell opens a log on fs and tells a story on it. It returns what the log may hold
// then, and the first error.
func tell(t *testing.T, fs vfs.FS, m *model) error {
	o := small()
	l, err := wal.Open(fs, "wal", o)
	if err != nil {
		return err
	}
	stop := start(t, l)
	err = (&story{log: l, m: m}).run()
	if e := stop(); err == nil {
		err = e
	}
	return err
}

// goesOn checks that a log that was found after a crash holds what the model admits,
// takes more, and keeps all of it over a power cut. It returns what is wrong, or "".
func goesOn(fs *vfs.Mem, m *model) string {
	l, err := wal.Open(fs, "wal", small())
	if err != nil {
		return err.Error()
	}
	defer l.Close()
	if reason := m.admits(l); reason != "" {
		return reason
	}
	before, err := contents(l, l.Base())
	if err != nil {
		return err.Error()
	}
	for _, mode := range []vfs.CrashMode{vfs.KeepSynced, vfs.KeepAll} { // what Open reports is durable
		if reason := holds(fs.CrashClone(nil, mode), l.Base(), before); reason != "" {
			return fmt.Sprintf("power cut after Open, mode %d: %s", mode, reason)
		}
	}
	more := rec(l.Last()+1, 300, 99)
	if err := l.Append(context.Background(), more); err != nil {
		return err.Error()
	}
	if err := l.Sync(context.Background()); err != nil {
		return err.Error()
	}
	return holds(fs.CrashClone(nil, vfs.KeepSynced), l.Base(), append(before, more))
}

// holds says in what the log on fs differs from what is wanted, "" if it does not.
func holds(fs *vfs.Mem, base txn.Zxid, want []wal.Record) string {
	l, err := wal.Open(fs, "wal", small())
	if err != nil {
		return err.Error()
	}
	defer l.Close()
	if l.Base() != base {
		return fmt.Sprintf("base %v, not %v", l.Base(), base)
	}
	got, err := contents(l, base)
	if err != nil {
		return err.Error()
	}
	return differ(got, want)
}
