package meter

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/quorate/quorate/server/identity"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
)

// maxMetered is how many identities are metered at a time. When there are more, those that have rested are forgotten.
const maxMetered = 100_000

// Meter bounds the requests a second of each identity: of whom a client proves to be, or of its address. Its methods may be
// called by anybody.
type Meter struct {
	perSecond rate.Limit
	burst     int

	mu struct {
		sync.Mutex
		known map[string]*rate.Limiter
	}
}

// New returns a meter that lets an identity have so many requests a second, and as many at once; 0: without a bound.
func New(perSecond int) *Meter {
	m := &Meter{perSecond: rate.Limit(perSecond), burst: perSecond}
	m.mu.known = map[string]*rate.Limiter{}
	return m
}

// Admit counts a request, or refuses it as OVERLOADED with the time after which the next one is let through.
func (m *Meter) Admit(who tree.Caller) error {
	if m.perSecond == 0 {
		return nil
	}
	r := m.of(identity.Author(who)).Reserve()
	wait := r.Delay()
	if wait == 0 {
		return nil
	}
	r.Cancel()
	return &fault.Error{Kind: fault.Overloaded, RetryAfter: wait, Detail: "too many requests a second (--max-rate)"}
}

func (m *Meter) of(name string) *rate.Limiter {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.mu.known[name]
	if l == nil {
		if len(m.mu.known) >= maxMetered {
			m.forget(time.Now())
		}
		l = rate.NewLimiter(m.perSecond, m.burst)
		m.mu.known[name] = l
	}
	return l
}

// forget drops those who have rested: they are as if they had never come. If nobody has, all are: a meter must not grow.
func (m *Meter) forget(now time.Time) {
	for name, l := range m.mu.known {
		if l.TokensAt(now) >= float64(m.burst) {
			delete(m.mu.known, name)
		}
	}
	if len(m.mu.known) >= maxMetered {
		clear(m.mu.known)
	}
}
