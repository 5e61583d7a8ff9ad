package tree_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// TestFewObjects: the garbage collector visits each object at the cost of a cache miss, so
// that there must be far fewer of them than nodes.
func TestFewObjects(t *testing.T) {
	const nodes = 50_000
	before := objects()
	v := shuffled(nodes)
	if got := objects() - before; got > nodes/3 {
		t.Errorf("%d nodes created in no order are %d objects, at most %d expected", nodes, got, nodes/3)
	}
	chunks := chunksOf(v, 1<<20)
	before = objects()
	loaded, err := load(chunks)
	if err != nil {
		t.Fatal(err)
	}
	if got := objects() - before; got > nodes/10 {
		t.Errorf("%d nodes loaded are %d objects, at most %d expected", nodes, got, nodes/10)
	}
	runtime.KeepAlive(v)
	runtime.KeepAlive(loaded)
	runtime.KeepAlive(chunks)
}

// TestGarbage bounds what a txn leaves for the garbage collector, in a tree of three levels
// of B-tree nodes.
func TestGarbage(t *testing.T) {
	const nodes, rounds = 50_000, 20_000
	v := shuffled(nodes)
	names := make([]string, rounds)
	for i := range names {
		names[i] = name(i * 7919 % nodes)
	}
	for _, c := range []struct{ batch, bytes, allocs int }{{64, 900, 3}, {1, 1000, 3}} {
		d := v.Edit()
		txns := &txn.Txn{Header: txn.Header{Zxid: v.Zxid()}, Op: &txn.SetData{Data: make([]byte, dataSize)}}
		bytes, allocs := allocated()
		for i := range rounds {
			txns.Zxid++
			txns.Op.(*txn.SetData).Path = names[i]
			d.Apply(txns)
			if i%c.batch == 0 {
				d.Publish()
			}
		}
		moreBytes, moreAllocs := allocated()
		if got := int(moreBytes-bytes) / rounds; got > c.bytes {
			t.Errorf("%d txns a version: %d bytes a txn, at most %d expected", c.batch, got, c.bytes)
		}
		if got := int(moreAllocs-allocs) / rounds; got > c.allocs {
			t.Errorf("%d txns a version: %d allocations a txn, at most %d expected", c.batch, got, c.allocs)
		}
	}
}

func name(i int) string { return fmt.Sprintf("/node-%06d", i) }

// shuffled returns a version with n nodes below the root, created in no order.
func shuffled(n int) *tree.Version {
	d := tree.New().Edit()
	create := &txn.Create{Data: make([]byte, dataSize), ACL: tree.OpenACL(), Kind: txn.Persistent}
	for i := range n {
		create.Path = name(i * 7919 % n)
		d.Apply(&txn.Txn{Header: txn.Header{Zxid: txn.Zxid(i + 1)}, Op: create})
		if i%64 == 0 {
			d.Publish()
		}
	}
	return d.Publish()
}

// objects returns the number of objects in the heap.
func objects() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapObjects)
}

// allocated returns what was allocated until now.
func allocated() (bytes, allocs uint64) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc, m.Mallocs
}
