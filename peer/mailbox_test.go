package peer

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/quorate/quorate/store/txn"
)

// TestMailboxKeepsTheNewest: of each matter and server, in the order in which the newest came.
func TestMailboxKeepsTheNewest(t *testing.T) {
	m := newMailbox()
	var read []string
	put := func(about matter, id txn.ServerID, text string) {
		m.put(about, id, func(context.Context) { read = append(read, fmt.Sprint(id, text)) })
	}
	put(aboutWord, 1, "a")
	put(aboutWord, 2, "b")
	put(aboutLink, 1, "c")
	put(aboutWord, 1, "d")
	put(aboutLook, 0, "e")
	if len(m.filled) != 1 {
		t.Error("letters are there, and nobody is told")
	}
	for _, l := range m.take() {
		l.read(t.Context())
	}
	if got := strings.Join(read, " "); got != "2b 1c 1d 0e" {
		t.Errorf("read %q", got)
	}
	if len(m.take()) != 0 {
		t.Error("letters are there again")
	}
}

// TestMailboxIsBounded however fast the others write.
func TestMailboxIsBounded(t *testing.T) {
	m := newMailbox()
	for i := range 100_000 {
		m.put(aboutWord, txn.ServerID(i%int(txn.MaxServerID)), func(context.Context) {})
	}
	if n := len(m.take()); n != int(txn.MaxServerID) {
		t.Errorf("%d letters, want %d", n, txn.MaxServerID)
	}
}
