package meter

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
)

func from(ip string) tree.Caller { return tree.Caller{{Scheme: "ip", ID: ip}} }

// Each identity has its own measure, and the refusal says when the next request will pass.
func TestMeter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(10)
		ann := append(from("10.0.0.1"), tree.ID{Scheme: "digest", ID: "ann:hash"})
		for i := range 10 {
			if err := m.Admit(ann); err != nil {
				t.Fatalf("request %d: %v", i, err)
			}
		}
		err := m.Admit(ann)
		f, ok := err.(*fault.Error) //nolint:errorlint // bare at this place
		if !ok || f.Kind != fault.Overloaded || f.RetryAfter <= 0 || f.RetryAfter > 100*time.Millisecond {
			t.Fatalf("the eleventh: %v", err)
		}
		if err := m.Admit(from("10.0.0.1")); err != nil {
			t.Errorf("another identity at the same address: %v", err)
		}
		time.Sleep(f.RetryAfter)
		if err := m.Admit(ann); err != nil {
			t.Errorf("after the time it was told: %v", err)
		}
		if err := m.Admit(ann); err == nil {
			t.Error("what was refused did not count, and what came after did not either")
		}
	})
}

func TestNoMeter(t *testing.T) {
	m := New(0)
	for range 1000 {
		if err := m.Admit(nil); err != nil {
			t.Fatal(err)
		}
	}
	if len(m.mu.known) != 0 {
		t.Error("it remembers whom it does not meter")
	}
}

// However many come, the meter stays small; who has rested is forgotten first.
func TestMeterIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(1)
		for i := range maxMetered {
			_ = m.Admit(from(fmt.Sprint(i)))
		}
		time.Sleep(2 * time.Second)
		busy := from("busy")
		_ = m.Admit(busy)
		if len(m.mu.known) != 1 || m.Admit(busy) == nil {
			t.Errorf("%d are known, and the last is not metered", len(m.mu.known))
		}
		for i := range 2 * maxMetered {
			_ = m.Admit(from(fmt.Sprint(i)))
		}
		if len(m.mu.known) > maxMetered {
			t.Errorf("%d are known", len(m.mu.known))
		}
	})
}
