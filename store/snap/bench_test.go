package snap

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// million returns a tree of 1,000 parents with 999 children each, of 100 bytes, half of them
// random, so that compression has something to do and nothing to win easily.
func million(b *testing.B) *tree.Version {
	d := tree.New().Edit()
	rng := rand.New(rand.NewPCG(1, 1))
	z := txn.MakeZxid(1, 0)
	acl := tree.OpenACL()
	create := func(path string) {
		z++
		data := fmt.Appendf(nil, "%016x%016x%016x", rng.Uint64(), rng.Uint64(), rng.Uint64())
		data = append(data, bytes.Repeat([]byte("x"), 100-len(data))...)
		_, err := d.ApplyChecked(&txn.Txn{
			Header: txn.Header{Zxid: z, Time: int64(z & 0xffffffff)},
			Op:     &txn.Create{Path: path, Data: data, ACL: acl, Kind: txn.Persistent},
		})
		must(b, err)
	}
	for p := range 1000 {
		parent := fmt.Sprintf("/services-%04d", p)
		create(parent)
		for c := range 999 {
			create(fmt.Sprintf("%s/member-%04d", parent, c))
		}
	}
	return d.Publish()
}

// resident returns VmRSS in bytes, or 0 where there is no such figure.
func resident() uint64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(status, []byte("VmRSS:"))
	fields := bytes.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.ParseUint(string(fields[0]), 10, 64)
	return kib << 10
}

func live() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkSnapshot1M writes and loads a snapshot of 1 M nodes of 100 bytes on the real
// file system (TMPDIR), and tells what the loaded tree takes in memory.
// A leg runs alone with -bench Snapshot1M/load.
func BenchmarkSnapshot1M(b *testing.B) {
	dir := b.TempDir()
	v := million(b)
	start := time.Now()
	info, err := Write(context.Background(), vfs.OS{}, dir, v, Options{})
	must(b, err)
	wrote := time.Since(start)
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			_, err := Write(context.Background(), vfs.OS{}, dir, v, Options{})
			must(b, err)
		}
		b.ReportMetric(float64(info.Bytes), "file-B")
		b.ReportMetric(float64(info.Raw), "raw-B")
		b.ReportMetric(wrote.Seconds(), "first-s")
	})
	v = nil
	for _, gc := range []int{100, 50, 25} {
		b.Run(fmt.Sprintf("load/gogc=%d", gc), func(b *testing.B) { benchmarkLoad(b, filepath.Join(dir, Name(info.Zxid)), gc) })
	}
}

func benchmarkLoad(b *testing.B, name string, gc int) {
	defer debug.SetGCPercent(debug.SetGCPercent(gc))
	debug.FreeOSMemory()
	before := live()
	var v *tree.Version
	for b.Loop() {
		v = nil
		var err error
		v, _, err = Load(vfs.OS{}, name)
		must(b, err)
	}
	after := resident()
	total := live()
	heap := total - before
	debug.FreeOSMemory()
	freed := resident()
	var own uint64 // path and data
	for n := range v.Descendants("/") {
		own += uint64(len(n.Path()) + len(n.Data()))
	}
	nodes := float64(v.Len())
	b.ReportMetric(float64(heap)/nodes, "live-B/node")
	b.ReportMetric((float64(heap)-float64(own))/nodes, "overhead-B/node")
	b.ReportMetric(float64(after)/1e6, "rss-MB")
	b.ReportMetric(float64(freed)/1e6, "rss-freed-MB")
	b.ReportMetric(float64(freed)/float64(total), "rss/live")
}
