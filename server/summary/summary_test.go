package summary_test

import (
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/server/summary"
)

func TestNothing(t *testing.T) {
	if got := summary.New().Read(); got != (summary.Reading{}) || got.Avg() != 0 {
		t.Errorf("read %+v", got)
	}
}

func TestReading(t *testing.T) {
	s := summary.New()
	for i := 1; i <= 1000; i++ {
		s.Observe(float64(i))
	}
	r := s.Read()
	if r.Count != 1000 || r.Sum != 500_500 || r.Min != 1 || r.Max != 1000 || r.Avg() != 500.5 {
		t.Errorf("read %+v", r)
	}
	for _, q := range []struct{ got, want float64 }{{r.P50, 500}, {r.P95, 950}, {r.P99, 990}, {r.P999, 999}} {
		if math.Abs(q.got-q.want) > q.want/16 {
			t.Errorf("quantile %v, want about %v", q.got, q.want)
		}
	}
}

func TestOddNumbers(t *testing.T) {
	s := summary.New()
	for _, v := range []float64{-1, math.NaN(), 0, 1e-9, 1e300} {
		s.Observe(v)
	}
	r := s.Read()
	if r.Count != 5 || r.Min != 0 || r.Max != 1e300 || r.P50 != 0 {
		t.Errorf("read %+v", r)
	}
}

// TestWindow sees quantiles forget what is old, while count and extremes do not.
func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := summary.New()
		s.Observe(100)
		for range 2 {
			time.Sleep(summary.Window)
			if r := s.Read(); r.P50 < 90 {
				t.Errorf("forgotten too early: %+v", r)
			}
		}
		s.Observe(1)
		if r := s.Read(); r.P999 > 1.1 || r.Max != 100 || r.Count != 2 {
			t.Errorf("read %+v", r)
		}
	})
}

func TestReset(t *testing.T) {
	s := summary.New()
	s.Observe(5)
	s.Reset()
	if got := s.Read(); got != (summary.Reading{}) {
		t.Errorf("read %+v", got)
	}
	s.Observe(3)
	if got := s.Read(); got.Min != 3 || got.Max != 3 {
		t.Errorf("read %+v", got)
	}
}

func TestManyAtOnce(t *testing.T) {
	s := summary.New()
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for range 1000 {
				s.Observe(float64(i + 1))
				s.Read()
			}
		})
	}
	all.Wait()
	if r := s.Read(); r.Count != 4000 || r.Sum != 10_000 || r.Min != 1 || r.Max != 4 {
		t.Errorf("read %+v", r)
	}
}

func TestObserveAllocatesNothing(t *testing.T) {
	s := summary.New()
	if n := testing.AllocsPerRun(100, func() { s.Observe(1.5) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
