package session

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/txn"
)

func TestCredentialIsReadAsItIsWritten(t *testing.T) {
	c := Credential{ID: 0x0300000100000002, Secret: [SecretSize]byte{1, 2, 0xff}}
	text := c.String()
	if want := "0300000100000002-0102ff00000000000000000000000000"; text != want {
		t.Errorf("%s, want %s", text, want)
	}
	if got, err := ParseCredential(text); err != nil || got != c {
		t.Errorf("%v, %v", got, err)
	}
	small := Credential{ID: 5}
	if got, err := ParseCredential(small.String()); err != nil || got != small {
		t.Errorf("%v, %v", got, err)
	}
	for _, wrong := range []string{
		"", "-", text[1:], text + "00", strings.ReplaceAll(text, "-", ""), "x" + text[1:], text[:len(text)-1] + "x", text[17:] + "-" + text[:16],
		"0000000000000000-" + text[17:], " " + text,
	} {
		if _, err := ParseCredential(wrong); !fault.Is(err, fault.BadArguments) || wrong != "" && wrong != "-" && strings.Contains(err.Error(), wrong) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if a, b := c.Hash(), (Credential{ID: c.ID}).Hash(); len(a) != 32 || slices.Equal(a, b) {
		t.Errorf("hashes %x, %x", a, b)
	}
}

// table is one whose sessions are all local.
func table() *Table {
	n := byte(0)
	return NewTable(Config{
		Server: 3, Local: true, Tick: 100 * time.Millisecond, MinTimeout: time.Second, MaxTimeout: time.Minute,
		Random: func(b []byte) {
			n++
			for i := range b {
				b[i] = n
			}
		},
	})
}

func TestTimeoutsAreNegotiated(t *testing.T) {
	for asked, want := range map[time.Duration]time.Duration{
		0: time.Minute, time.Millisecond: time.Second, 5 * time.Second: 5 * time.Second, time.Hour: time.Minute,
	} {
		if _, s := table().OpenLocal(asked); s.Timeout != want {
			t.Errorf("%v: %v, want %v", asked, s.Timeout, want)
		}
	}
}

// A local session expires when its time is up, not before; signs of its client put that off, and time in which the server stood still
// does not count.
func TestLocalSessionsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tab := table()
		c, s := tab.OpenLocal(time.Second)
		if s.ID.Server() != 3 || s.ID&localBit == 0 || !s.Local || !shows(s, c) || shows(s, Credential{ID: c.ID}) {
			t.Fatalf("opened %+v", s)
		}
		if other, _ := tab.OpenLocal(time.Minute); other.ID == c.ID {
			t.Fatal("an id came twice")
		}
		began := time.Now()
		wants := func(after, late time.Duration, want ...txn.SessionID) {
			t.Helper()
			if got := tab.expired(began.Add(after), late); !slices.Equal(got, want) {
				t.Errorf("after %v: %v, want %v", after, got, want)
			}
		}
		wants(time.Second, 0)
		wants(time.Second+1, 0, c.ID)
		time.Sleep(500 * time.Millisecond)
		tab.touch(c.ID)
		wants(1500*time.Millisecond, 0)
		wants(1500*time.Millisecond+1, 0, c.ID)
		wants(4*time.Second, 3*time.Second) // it stood still
		wants(4500*time.Millisecond, 0)
		tab.mu.locals[c.ID].raising = true
		wants(time.Minute, 0)
		tab.raised(c.ID, fault.New(fault.Overloaded, "", ""))
		wants(time.Minute, 0, c.ID)
		tab.raised(c.ID, nil)
		if _, local := tab.findLocal(c.ID); local || len(tab.Touched()) != 0 {
			t.Error("a session of the ensemble is still local")
		}
	})
}

// Whose clients were heard of is told once.
func TestTouchedIsToldOnce(t *testing.T) {
	tab := table()
	tab.touch(7)
	tab.touch(7)
	tab.touch(8)
	got := tab.Touched()
	slices.Sort(got)
	if !slices.Equal(got, []txn.SessionID{7, 8}) || tab.Touched() != nil {
		t.Errorf("touched %v", got)
	}
	tab.touch(9)
	tab.end(9, 1)
	if tab.Touched() != nil {
		t.Error("a session that has ended was heard of")
	}
}
