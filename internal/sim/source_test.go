package sim

import (
	"testing"
	"time"

	"github.com/quorate/quorate/store/txn"
)

// TestPlacesAreDistinct: every link, disk and client has an instant of its own within the grid.
func TestPlacesAreDistinct(t *testing.T) {
	seen := map[place]bool{}
	take := func(p place) {
		if seen[p] || p <= 0 || p >= place(grid) {
			t.Fatalf("place %d is taken, or off the grid", p)
		}
		seen[p] = true
	}
	for a := txn.ServerID(1); a <= MaxServers; a++ {
		for b := txn.ServerID(1); b <= MaxServers; b++ {
			for i := range 8 {
				take(linkPlace(a, b, Kind(i/4), uint64(i/2%2), i%2 == 1))
			}
		}
		for _, name := range []string{"/data/log/next.tmp", "/data/log/0000000000000001.wal", "/data/snap/x", "/data/epochs", "/data/identity.tmp"} {
			take(diskPlace(a, name))
		}
	}
	for client := range 300 {
		take(clientPlace(client))
	}
	take(yieldPlace)
	take(stopPlace)
	take(trapPlace)
	take(worldPlace)
}

// TestPlaceAt: the next instant of a place is never before, nor a whole grid away.
func TestPlaceAt(t *testing.T) {
	p := place(471)
	for i := range 3_000 {
		from := time.Unix(1000, int64(i))
		at := p.at(from)
		if at.Before(from) || at.Sub(from) >= grid || at.Nanosecond()%int(grid) != 471 {
			t.Fatalf("from %v to %v", from, at)
		}
	}
}

func TestSpanDraw(t *testing.T) {
	s := Span{3, 6}
	seen := map[time.Duration]int{}
	for i := range uint64(4000) {
		d := s.draw(mix(1, i))
		if d < s.Min || d > s.Max {
			t.Fatalf("%v is not from 3 to 6", d)
		}
		seen[d]++
	}
	for d, n := range seen {
		if n < 800 {
			t.Errorf("%v was drawn %d times of 4000", d, n)
		}
	}
	if len(seen) != 4 || (Span{5, 5}).draw(7) != 5 || (Span{5, 0}).draw(7) != 5 {
		t.Error("not all of a span is drawn, or more")
	}
}

// TestMix: numbers that differ in anything give other numbers.
func TestMix(t *testing.T) {
	seen := map[uint64][3]uint64{}
	for a := range uint64(20) {
		for b := range uint64(20) {
			for c := range uint64(20) {
				h := mix(a, b, c)
				if other, taken := seen[h]; taken {
					t.Fatalf("%v and %v are alike", other, [3]uint64{a, b, c})
				}
				seen[h] = [3]uint64{a, b, c}
			}
		}
	}
	if mixText(1, "ab") == mixText(1, "ba") || mixText(1, "a") == mixText(2, "a") {
		t.Error("texts are alike")
	}
}
