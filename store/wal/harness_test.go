package wal_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// nonces returns a source of numbers that do not repeat.
func nonces(start uint64) func() uint64 {
	var n atomic.Uint64
	n.Store(start)
	return func() uint64 { return n.Add(0x9E3779B97F4A7C15) }
}

func small() wal.Options {
	return wal.Options{SegmentSize: wal.MinSegmentSize, Nonce: nonces(1)}
}

func open(t testing.TB, fs vfs.FS, o wal.Options) *wal.Log {
	t.Helper()
	l, err := wal.Open(fs, "wal", o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// start runs a log until stop is called, which also closes it.
func start(t testing.TB, l *wal.Log) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	return func() error {
		cancel()
		return errors.Join(<-done, l.Close())
	}
}

// running opens a log and runs it until the test ends.
func running(t testing.TB, fs vfs.FS, o wal.Options) *wal.Log {
	t.Helper()
	l := open(t, fs, o)
	stop := start(t, l)
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return l
}

// rec makes a record whose content follows from its zxid and generation, so that a
// record of a former life is told from its successor.
func rec(z txn.Zxid, size int, generation byte) wal.Record {
	p := bytes.Repeat([]byte{byte(z), generation, byte(z >> 8)}, size/3+1)[:size]
	if size >= 9 {
		binary.LittleEndian.PutUint64(p, uint64(z))
		p[8] = generation
	}
	return wal.Record{Zxid: z, Payload: p}
}

func recs(from, to txn.Zxid, size int) []wal.Record {
	var all []wal.Record
	for z := from; z <= to; z++ {
		all = append(all, rec(z, size, 0))
	}
	return all
}

// appendSync appends records and waits until they are durable.
func appendSync(t testing.TB, l *wal.Log, all ...wal.Record) {
	t.Helper()
	ctx := t.Context()
	if err := l.Append(ctx, all...); err != nil {
		t.Fatal(err)
	}
	if err := l.WaitDurable(ctx, all[len(all)-1].Zxid); err != nil {
		t.Fatal(err)
	}
}

// contents reads all records greater than after.
func contents(l *wal.Log, after txn.Zxid) ([]wal.Record, error) {
	r, err := l.Reader(after)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var all []wal.Record
	for {
		rec, ok, err := r.Next()
		if err != nil || !ok {
			return all, err
		}
		all = append(all, wal.Record{Zxid: rec.Zxid, Payload: bytes.Clone(rec.Payload)})
	}
}

func same(a, b wal.Record) bool { return a.Zxid == b.Zxid && bytes.Equal(a.Payload, b.Payload) }

// differ says in what two logs differ, "" if they do not.
func differ(got, want []wal.Record) string {
	for i := range min(len(got), len(want)) {
		if !same(got[i], want[i]) {
			return fmt.Sprintf("record %d is %v (%d bytes), not %v (%d bytes)", i, got[i].Zxid, len(got[i].Payload), want[i].Zxid, len(want[i].Payload))
		}
	}
	if len(got) != len(want) {
		return fmt.Sprintf("%d records, not %d", len(got), len(want))
	}
	return ""
}

func expect(t testing.TB, l *wal.Log, after txn.Zxid, want []wal.Record) {
	t.Helper()
	got, err := contents(l, after)
	if err != nil {
		t.Fatal(err)
	}
	if d := differ(got, want); d != "" {
		t.Fatal(d)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func segments(t testing.TB, fs vfs.FS) []string {
	t.Helper()
	names, err := fs.List("wal")
	must(t, err)
	return slices.DeleteFunc(names, func(n string) bool { return n == "next.tmp" })
}

func rng(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }
