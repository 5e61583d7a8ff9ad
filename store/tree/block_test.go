package tree

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/quorate/quorate/store/txn"
)

// TestBlockRoundTrip: what a block was made of comes out of it, at the ends of every range.
func TestBlockRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	versions := []int32{0, 1, 127, 128, math.MaxInt32, math.MinInt32, -2}
	for range 5000 {
		r := record{
			path: "/" + strings.Repeat("p", rng.IntN(3)*90) + "/n", data: strings.Repeat("d", rng.IntN(3)*100),
			kind: txn.Kind(1 + rng.IntN(4)), acl: uint32(rng.Uint64() >> (32 + rng.IntN(33))),
			czxid: txn.Zxid(rng.Uint64() >> 1 >> rng.IntN(64)), ctime: rng.Int64() >> 1 >> rng.IntN(63),
			version: versions[rng.IntN(len(versions))], aversion: versions[rng.IntN(len(versions))],
		}
		r.hasData = r.data != "" || rng.IntN(2) == 0
		r.mzxid = r.czxid + txn.Zxid(rng.Uint64()>>1>>rng.IntN(64))
		r.mtime = r.ctime + rng.Int64()>>1>>rng.IntN(63)
		switch r.kind {
		case txn.Ephemeral:
			r.owner = txn.SessionID(rng.Uint64())
		case txn.TTL:
			r.ttl = rng.Int64N(txn.MaxTTL) + 1
		}
		it := item{block: r.encode(), side: side{counts: countsOf(versions[rng.IntN(len(versions))], rng.Uint32()>>1)}}
		if got := decode(it.block); got != r {
			t.Fatalf("got  %+v\nwant %+v", got, r)
		}
		if k := keyIn(it.block); k != keyOf(r.path) {
			t.Fatalf("key %+v of %s", k, r.path)
		}
		if again := countsOf(it.created(), it.children()); again != it.side.counts {
			t.Fatalf("counts %x became %x", it.side.counts, again)
		}
	}
}
