package tree_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// The benchmarks at a million nodes of 100 B are those of DESIGN.md:
//
//	go test ./store/tree -run '^$' -bench Tree1M -benchtime 400000x -count 5
//
// Two shapes: wide is 1,000 parents with 1,000 children, deep is chains of ten. No benchmark goes on from a version
// that another has gone on from: no server does so often, and what it costs would be measured.

const (
	million  = 1_000_000
	dataSize = 100
)

// benchPath returns the i-th path of a shape, parents before their children.
func benchPath(shape string, i int) string {
	if shape == "wide" {
		if i < 1000 {
			return fmt.Sprintf("/parent-%06d", i)
		}
		return fmt.Sprintf("/parent-%06d/n-%08d", i%1000, i)
	}
	path := new(strings.Builder)
	chain, depth := i/10, i%10
	fmt.Fprintf(path, "/c%07d", chain)
	for level := range depth {
		fmt.Fprintf(path, "/%c", 'a'+level)
	}
	return path.String()
}

// asServed makes the benchmark collect garbage as the server does; GOGC in the environment wins there too.
func asServed(b *testing.B) {
	if _, set := os.LookupEnv("GOGC"); !set {
		old := debug.SetGCPercent(tree.GCPercent)
		b.Cleanup(func() { debug.SetGCPercent(old) })
	}
}

// grow creates n nodes of a shape, each a txn of its own, published every 64.
func grow(shape string, n int) *tree.Version {
	d := tree.New().Edit()
	data := make([]byte, dataSize)
	acl := tree.OpenACL()
	create := &txn.Create{Data: data, ACL: acl, Kind: txn.Persistent}
	t := &txn.Txn{Header: txn.Header{Zxid: txn.MakeZxid(3, 1000), Time: 1_795_361_723_000}, Op: create}
	for i := range n {
		create.Path = benchPath(shape, i)
		t.Zxid++
		t.Time++
		d.Apply(t)
		if i%64 == 0 {
			d.Publish()
		}
	}
	return d.Publish()
}

func benchPaths(shape string, n int) []string {
	paths := make([]string, n)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range paths {
		paths[i] = benchPath(shape, rng.IntN(million))
	}
	return paths
}

func BenchmarkTree1M(b *testing.B) {
	if testing.Short() {
		b.Skip("takes a few seconds and 500 MB")
	}
	asServed(b)
	for _, shape := range []string{"wide", "deep"} {
		b.Run(shape, func(b *testing.B) {
			v := grow(shape, million)
			b.Run("Get", func(b *testing.B) { benchGet(b, v, shape) })
			b.Run("Apply1", func(b *testing.B) { benchApply(b, grow(shape, million), shape, 1) })
			b.Run("Apply64", func(b *testing.B) { benchApply(b, grow(shape, million), shape, 64) })
			b.Run("Aged1", func(b *testing.B) { benchApply(b, age(shape), shape, 1) })
			b.Run("Aged64", func(b *testing.B) { benchApply(b, age(shape), shape, 64) })
			b.Run("Snapshot", func(b *testing.B) { benchSnapshot(b, v) })
			snapshot := chunksOf(v, 256<<10)
			v = nil
			b.Run("Load", func(b *testing.B) { benchLoad(b, snapshot) })
		})
	}
}

func benchGet(b *testing.B, v *tree.Version, shape string) {
	paths := benchPaths(shape, 1<<16)
	b.ReportAllocs()
	defer reportCPU(b)()
	for i := 0; b.Loop(); i++ {
		if _, ok := v.Get(paths[i&(1<<16-1)]); !ok {
			b.Fatal("missing")
		}
	}
}

// changes are txns that create siblings of random nodes and set random nodes, in turns.
type changes struct {
	shape string
	order []int // of the nodes of the shape
	round int
	paths []string // of the nodes to create, in this round
	at    int
	txn   txn.Txn
	ops   struct {
		create txn.Create
		set    txn.SetData
	}
}

// newChanges returns changes for a tree of a shape. Of two with different names both fit it.
func newChanges(shape string, v *tree.Version, name uint64) *changes {
	c := &changes{
		shape: shape,
		order: rand.New(rand.NewPCG(2, name)).Perm(million)[:1<<18],
		round: int(name) << 16,
		txn:   txn.Txn{Header: txn.Header{Zxid: v.Zxid(), Time: v.Time()}},
	}
	c.ops.create = txn.Create{Data: make([]byte, dataSize), ACL: tree.OpenACL(), Kind: txn.Persistent}
	c.ops.set = txn.SetData{Data: c.ops.create.Data}
	c.nextRound()
	return c
}

// nextRound draws new names for the nodes to create.
func (c *changes) nextRound() {
	c.at, c.round, c.paths = 0, c.round+1, make([]string, len(c.order))
	for i, n := range c.order {
		c.paths[i] = fmt.Sprintf("%s%08x", benchPath(c.shape, n), c.round)
	}
}

// done tells whether a new round has to begin.
func (c *changes) done() bool { return c.at == len(c.paths) }

// apply applies the next change.
func (c *changes) apply(d *tree.Draft) {
	if path := c.paths[c.at]; c.at&1 == 0 {
		c.ops.create.Path = path
		c.txn.Op = &c.ops.create
	} else {
		c.ops.set.Path = path[:len(path)-8]
		c.txn.Op = &c.ops.set
	}
	c.at++
	c.txn.Zxid++
	d.Apply(&c.txn)
}

// benchApply applies changes to v, and publishes a version every batch txns. It reports the most memory that the
// process had meanwhile, too.
func benchApply(b *testing.B, v *tree.Version, shape string, batch int) {
	c := newChanges(shape, v, uint64(batch))
	d := v.Edit()
	peak := uint64(0)
	debug.FreeOSMemory()
	b.ReportAllocs()
	report := reportCPU(b)
	for i := 0; b.Loop(); i++ {
		if c.done() {
			b.StopTimer()
			c.nextRound()
			b.StartTimer()
		}
		c.apply(d)
		if i%batch == 0 {
			d.Publish()
		}
		if i%(1<<14) == 0 {
			peak = max(peak, resident())
		}
	}
	b.StopTimer()
	report()
	b.ReportMetric(float64(peak)/float64(live()), "peak/live")
	runtime.KeepAlive(d)
}

// age returns a tree of a shape after 600,000 changes, when its leaves are as those of
// a server that has been at work for a while.
func age(shape string) *tree.Version {
	v := grow(shape, million)
	c, d := newChanges(shape, v, 0), v.Edit()
	for i := range 600_000 {
		if c.done() {
			c.nextRound()
		}
		c.apply(d)
		if i%64 == 0 {
			d.Publish()
		}
	}
	return d.Publish()
}

// reportCPU reports what all threads took of the processors until the function that
// it returns is called, the collector included: on a shared machine that says more than
// the clock.
func reportCPU(b *testing.B) func() {
	used := func() time.Duration {
		var u syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	return func() { b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-ns/op") }
}

func benchSnapshot(b *testing.B, v *tree.Version) {
	for b.Loop() {
		n := 0
		for chunk := range v.Chunks(256 << 10) {
			n += len(chunk)
		}
		b.SetBytes(int64(n))
	}
}

func chunksOf(v *tree.Version, size int) (chunks [][]byte) {
	for chunk := range v.Chunks(size) {
		chunks = append(chunks, append([]byte(nil), chunk...))
	}
	return chunks
}

func load(chunks [][]byte) (*tree.Version, error) {
	l := tree.NewLoader()
	for _, chunk := range chunks {
		if err := l.Add(chunk); err != nil {
			return nil, err
		}
	}
	return l.Finish()
}

// benchLoad loads a snapshot, and weighs what was loaded.
func benchLoad(b *testing.B, chunks [][]byte) {
	before := live()
	var v *tree.Version
	report := reportCPU(b)
	for b.Loop() {
		var err error
		if v, err = load(chunks); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	report()
	after := live()
	content := 0
	for n := range v.Descendants("/") {
		content += len(n.Path()) + len(n.Data())
	}
	b.ReportMetric(float64(after-before-uint64(content))/float64(v.Len()), "overhead-B/node")
	b.ReportMetric(float64(content)/float64(v.Len()), "content-B/node")
	debug.FreeOSMemory()
	b.ReportMetric(float64(resident())/float64(live()), "resident/live")
	runtime.KeepAlive(v)
}

// live returns the bytes of live heap.
func live() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// resident returns the process's resident memory in bytes, 0 where there is no /proc.
func resident() (bytes uint64) {
	status, _ := os.ReadFile("/proc/self/status")
	if _, rest, ok := strings.Cut(string(status), "VmRSS:"); ok {
		_, _ = fmt.Sscan(rest, &bytes)
	}
	return bytes << 10
}
