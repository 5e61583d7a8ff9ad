package summary

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Window is how old observations become, at least, before quantiles forget them. They are forgotten when the summary is read: what
// nobody reads keeps them.
const Window = time.Minute

// The buckets of quantiles: 8 in each doubling from least on, so that a quantile is at most 1/16 off.
const (
	fine    = 3
	least   = 1.0 / (1 << 14)
	buckets = 56 << fine
)

// Summary is of one thing. Its methods may be called by anybody. There is no use for one that [New] did not make.
type Summary struct {
	count   atomic.Uint64
	sum     number
	lowest  number
	highest number
	now     atomic.Uint32 // the window that observations go to: 0 or 1; quantiles are of both
	windows [2][buckets]atomic.Uint64
	mu      sync.Mutex // guards began
	began   time.Time  // when the window of now did
}

// New returns a summary of nothing.
func New() *Summary {
	s := &Summary{began: time.Now()}
	s.lowest.set(math.Inf(1))
	return s
}

// Observe adds an observation. What is negative or no number counts as 0.
func (s *Summary) Observe(v float64) {
	if !(v > 0) {
		v = 0
	}
	s.count.Add(1)
	s.sum.add(v)
	s.lowest.lower(v)
	s.highest.raise(v)
	s.windows[s.now.Load()&1][bucket(v)].Add(1)
}

// Reading is what a summary has seen: since it was made or reset, the quantiles of the last minute or two.
type Reading struct {
	Count uint64
	Sum   float64
	// Min and Max are 0 if nothing was observed.
	Min, Max float64
	// P50 and so on are quantiles: half of what was observed lately is not above P50. 0 if nothing was.
	P50, P95, P99, P999 float64
}

// Avg returns the mean of what was observed, 0 of nothing.
func (r Reading) Avg() float64 {
	if r.Count == 0 {
		return 0
	}
	return r.Sum / float64(r.Count)
}

// Read returns what was observed. An observation that is being made meanwhile may be in a part of it.
func (s *Summary) Read() Reading {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := Reading{Count: s.count.Load(), Sum: s.sum.get(), Min: s.lowest.get(), Max: s.highest.get()}
	if math.IsInf(r.Min, 1) {
		r.Min = 0
	}
	var all [buckets]uint64
	var total uint64
	for i := range all {
		all[i] = s.windows[0][i].Load() + s.windows[1][i].Load()
		total += all[i]
	}
	of := func(q float64) float64 { return min(max(quantile(&all, total, q), r.Min), r.Max) }
	r.P50, r.P95, r.P99, r.P999 = of(0.5), of(0.95), of(0.99), of(0.999)
	if time.Since(s.began) >= Window {
		s.turn()
	}
	return r
}

// turn forgets the older window, and has observations go there from now on. The caller holds mu.
func (s *Summary) turn() {
	older := 1 - s.now.Load()&1
	clearWindow(&s.windows[older])
	s.now.Store(older)
	s.began = time.Now()
}

// Reset forgets everything. Of an observation that is being made meanwhile a part may be kept.
func (s *Summary) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count.Store(0)
	s.sum.set(0)
	s.lowest.set(math.Inf(1))
	s.highest.set(0)
	clearWindow(&s.windows[0])
	clearWindow(&s.windows[1])
	s.began = time.Now()
}

func clearWindow(w *[buckets]atomic.Uint64) {
	for i := range w {
		w[i].Store(0)
	}
}

// bucket returns which bucket a number is in that is not negative: its exponent and the first bits behind it.
func bucket(v float64) int {
	if v < least {
		return 0
	}
	i := math.Float64bits(v)>>(52-fine) - math.Float64bits(least)>>(52-fine)
	return int(min(i, buckets-1))
}

// middle returns a number within a bucket that is not far from any in it.
func middle(i int) float64 {
	if i == 0 {
		return 0
	}
	from := math.Float64bits(least)>>(52-fine) + uint64(i)
	return math.Float64frombits(from<<(52-fine) + 1<<(51-fine))
}

// quantile returns the number that a share q of total is not above.
func quantile(all *[buckets]uint64, total uint64, q float64) float64 {
	if total == 0 {
		return 0
	}
	rank := uint64(math.Ceil(q * float64(total)))
	var seen uint64
	for i, n := range all {
		if seen += n; seen >= rank {
			return middle(i)
		}
	}
	return middle(buckets - 1)
}

// number is a float64 that several may change.
type number struct{ bits atomic.Uint64 }

func (n *number) get() float64  { return math.Float64frombits(n.bits.Load()) }
func (n *number) set(v float64) { n.bits.Store(math.Float64bits(v)) }

func (n *number) add(v float64) {
	for {
		old := n.bits.Load()
		if n.bits.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+v)) {
			return
		}
	}
}

// Numbers that are not negative compare as their bits do.

func (n *number) raise(v float64) {
	bits := math.Float64bits(v)
	for old := n.bits.Load(); bits > old && !n.bits.CompareAndSwap(old, bits); old = n.bits.Load() {
	}
}

func (n *number) lower(v float64) {
	bits := math.Float64bits(v)
	for old := n.bits.Load(); bits < old && !n.bits.CompareAndSwap(old, bits); old = n.bits.Load() {
	}
}
