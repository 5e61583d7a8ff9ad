package sim

import (
	"time"

	"github.com/quorate/quorate/store/txn"
)

// mix is a hash of numbers. All chance in a world comes from here: a number drawn from
// the seed and from what it is for does not depend on who else draws, and when.
func mix(parts ...uint64) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, p := range parts {
		h = (h ^ p) * 0xbf58476d1ce4e5b9
		h ^= h >> 29
		h = h*0x94d049bb133111eb + 0x9e3779b97f4a7c15
		h ^= h >> 32
	}
	return h
}

// mixText is mix with a text.
func mixText(seed uint64, text string) uint64 {
	for _, b := range []byte(text) {
		seed = (seed ^ uint64(b)) * 0x100000001b3
	}
	return mix(seed)
}

// Span is a range of durations, both ends included, from which one is drawn at a time.
type Span struct{ Min, Max time.Duration }

// draw returns the duration that a number stands for.
func (s Span) draw(number uint64) time.Duration {
	if s.Max <= s.Min {
		return s.Min
	}
	return s.Min + time.Duration(number%uint64(s.Max-s.Min+1))
}

// What happens in the world by itself (a delivery, the end of an fdatasync, a client's
// next step) happens on a grid, each source having a place of its own within it: so no
// two of them share an instant, and what the scheduler does with goroutines that are
// ready at once decides nothing.
const (
	grid = time.Microsecond
	// MaxServers is the greatest server id in a world, so that the places suffice.
	MaxServers = 9
)

// place is a source's number of nanoseconds within the grid.
type place time.Duration

// The places: of links by (from, to, kind, direction, parity of the stream's number), then of
// disks by (server, kind of file), then of clients, then of the world's own hand.
const (
	linkPlaces   place = 1
	diskPlaces         = linkPlaces + MaxServers*MaxServers*8
	clientPlaces       = diskPlaces + MaxServers*fileClasses
	yieldPlace         = place(grid) - 4 // where a server sees what an instant before has brought
	stopPlace          = place(grid) - 3 // where a part of a server is told to end
	trapPlace          = place(grid) - 2 // where a server dies of a step that it made in this instant
	worldPlace         = place(grid) - 1
)

// linkPlace is the place of one direction of a stream. Streams of the same kind between
// the same servers follow each other; their numbers tell one from the next. Connections have the places of
// Sync: where they are, gRPC's goroutines decide what happens when.
func linkPlace(from, to txn.ServerID, k Kind, number uint64, back bool) place {
	p := linkPlaces + place((int(from)-1)*MaxServers+int(to)-1)*8 + place(k%Connection)*4 + place(number%2)*2
	if back {
		p++
	}
	return p
}

// clientPlace is the place of a client.
func clientPlace(client int) place {
	return clientPlaces + place(client)%(yieldPlace-clientPlaces)
}

// at returns the first instant at or after t that belongs to the place.
func (p place) at(t time.Time) time.Time {
	on := t.Truncate(grid).Add(time.Duration(p))
	if on.Before(t) {
		on = on.Add(grid)
	}
	return on
}

// in returns how long it is until the place's instant after d.
func (p place) in(d time.Duration) time.Duration {
	now := time.Now()
	return p.at(now.Add(d)).Sub(now)
}
