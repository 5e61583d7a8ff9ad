package peer

import (
	"context"
	"slices"
	"sync"

	"github.com/quorate/quorate/store/txn"
)

// matter is what a letter to the elector is about.
type matter uint8

const (
	aboutLook     matter = iota // a leader is wanted
	aboutLeader                 // there is one
	aboutMembers                // a membership was committed
	aboutLink                   // what has become of our stream to a server
	aboutStream                 // a server has opened one to us
	aboutWord                   // what a server said
	aboutNonsense               // what it said makes no sense
)

// letter is something for the elector's goroutine to do.
type letter struct {
	matter matter
	id     txn.ServerID // whom it concerns; 0: this server
	read   func(context.Context)
}

// mailbox holds letters in the order of their arrival until the elector's goroutine takes
// them. Putting one in never blocks: it takes the place of an older one about the same
// matter and server, and that bounds how many there can be. Anybody may put.
type mailbox struct {
	filled chan struct{} // has a token when there may be letters

	mu struct {
		sync.Mutex
		letters []letter
	}
}

func newMailbox() *mailbox { return &mailbox{filled: make(chan struct{}, 1)} }

// put adds a letter behind all others.
func (m *mailbox) put(about matter, id txn.ServerID, read func(context.Context)) {
	m.mu.Lock()
	m.mu.letters = slices.DeleteFunc(m.mu.letters, func(l letter) bool { return l.matter == about && l.id == id })
	m.mu.letters = append(m.mu.letters, letter{matter: about, id: id, read: read})
	m.mu.Unlock()
	poke(m.filled)
}

// take empties the mailbox.
func (m *mailbox) take() []letter {
	m.mu.Lock()
	defer m.mu.Unlock()
	letters := m.mu.letters
	m.mu.letters = nil
	return letters
}

// poke puts a token into a channel with room for one, unless there is one.
func poke(token chan struct{}) {
	select {
	case token <- struct{}{}:
	default:
	}
}
