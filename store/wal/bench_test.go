package wal_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// BenchmarkAppend appends records of 300 bytes, so many at a time, and waits until
// they are durable before the next; with segments of the default size and real fdatasyncs.
func BenchmarkAppend(b *testing.B) {
	for _, batch := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			var bytes atomic.Int64
			l := benchLog(b, &bytes)
			group := make([]wal.Record, batch)
			payload := make([]byte, 300)
			records := 0
			for b.Loop() {
				for i := range group {
					group[i] = wal.Record{Zxid: l.Last() + 1 + txn.Zxid(i), Payload: payload}
				}
				appendSync(b, l, group...)
				records += batch
			}
			report(b, records, bytes.Load())
		})
	}
}

// BenchmarkPipelined appends batches without waiting for each: what a busy server does.
func BenchmarkPipelined(b *testing.B) {
	for _, batch := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			var bytes atomic.Int64
			l := benchLog(b, &bytes)
			group := make([]wal.Record, batch)
			payload := make([]byte, 300)
			records := 0
			for b.Loop() {
				for i := range group {
					group[i] = wal.Record{Zxid: l.Last() + 1 + txn.Zxid(i), Payload: payload}
				}
				must(b, l.Append(b.Context(), group...))
				records += batch
				if records%(1<<16) < batch { // a bound for the disk
					must(b, l.PurgeBefore(l.Durable()))
				}
			}
			must(b, l.Sync(b.Context()))
			report(b, records, bytes.Load())
		})
	}
}

func benchLog(b *testing.B, bytes *atomic.Int64) *wal.Log {
	b.Chdir(b.TempDir())
	o := wal.Options{Events: wal.Events{Synced: func(s wal.Synced) { bytes.Add(int64(s.Bytes)) }}}
	l, err := wal.Open(vfs.OS{}, "wal", o)
	must(b, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		must(b, <-done)
		must(b, l.Close())
	})
	return l
}

func report(b *testing.B, records int, bytes int64) {
	b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(bytes)/float64(records), "disk-B/record")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkOpen opens a log of 64 MiB of records: the cost of a restart.
func BenchmarkOpen(b *testing.B) {
	b.Chdir(b.TempDir())
	l := open(b, vfs.OS{}, wal.Options{})
	for l.Size() < 2*wal.DefaultSegmentSize && l.Last() < 200000 {
		group := make([]wal.Record, 64)
		for i := range group {
			group[i] = rec(l.Last()+1+txn.Zxid(i), 300, 0)
		}
		must(b, l.Append(b.Context(), group...))
		if l.Last()%6400 == 0 {
			must(b, l.Sync(b.Context()))
		}
	}
	must(b, l.Close())
	b.ReportAllocs()
	for b.Loop() {
		l, err := wal.Open(vfs.OS{}, "wal", wal.Options{})
		must(b, err)
		must(b, l.Close())
	}
}

// BenchmarkRead reads records of 300 bytes from the start of a log.
func BenchmarkRead(b *testing.B) {
	b.Chdir(b.TempDir())
	l := open(b, vfs.OS{}, wal.Options{})
	defer l.Close()
	must(b, l.Append(b.Context(), recs(1, 20000, 300)...))
	must(b, l.Sync(b.Context()))
	records := 0
	b.ReportAllocs()
	for b.Loop() {
		r, err := l.Reader(0)
		must(b, err)
		for {
			_, ok, err := r.Next()
			must(b, err)
			if !ok {
				break
			}
			records++
		}
		must(b, r.Close())
	}
	b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
}
