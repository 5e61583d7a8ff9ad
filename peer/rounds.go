package peer

import (
	"sync"

	"github.com/quorate/quorate/store/txn"
)

// rounds are how an established leader proves that it still leads (P10): it notes what is
// committed, begins a round of pings, and once a quorum has echoed that round or a later one, nobody
// else can have been established before the note was taken. Many reads share a round, since a ping
// carries the newest number only.
type rounds struct {
	self txn.ServerID
	news *beacon // lit when a round begins

	mu struct {
		sync.Mutex
		who    *electorate
		newest uint64
		echoes map[txn.ServerID]echo
		asks   []ask // in the order of their rounds
		over   error // why nothing is asked any more
	}
}

type echo struct {
	disk  txn.StorageID
	round uint64
}

type ask struct {
	round uint64
	at    txn.Zxid
	done  func(txn.Zxid, error)
}

func newRounds(self txn.ServerID, disk txn.StorageID, who *electorate, news *beacon) *rounds {
	r := &rounds{self: self, news: news}
	r.mu.who = who
	r.mu.echoes = map[txn.ServerID]echo{self: {disk: disk, round: ^uint64(0)}} // the leader hears itself at once
	return r
}

// begin begins a round. done is called with at when a quorum has echoed it, or with the error
// that ended the reign; once, perhaps before begin returns.
func (r *rounds) begin(at txn.Zxid, done func(txn.Zxid, error)) {
	r.mu.Lock()
	if over := r.mu.over; over != nil {
		r.mu.Unlock()
		done(0, over)
		return
	}
	r.mu.newest++
	r.mu.asks = append(r.mu.asks, ask{r.mu.newest, at, done})
	answered := r.take()
	r.mu.Unlock()
	r.answer(answered)
	r.news.light()
}

// next begins a round that nobody asks for anything, and returns its number.
func (r *rounds) next() uint64 {
	r.mu.Lock()
	r.mu.newest++
	n := r.mu.newest
	r.mu.Unlock()
	r.news.light()
	return n
}

// latest returns the number of the newest round.
func (r *rounds) latest() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mu.newest
}

// pending returns how many wait for a quorum's echo.
func (r *rounds) pending() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.mu.asks)
}

// echo records that a server has answered a round.
func (r *rounds) echo(id txn.ServerID, disk txn.StorageID, round uint64) {
	r.mu.Lock()
	e := r.mu.echoes[id]
	if e.disk != disk {
		e = echo{disk: disk}
	}
	e.round = max(e.round, min(round, r.mu.newest)) // what was never sent is no echo
	r.mu.echoes[id] = e
	answered := r.take()
	r.mu.Unlock()
	r.answer(answered)
}

// forget drops what a stream that has ended had echoed.
func (r *rounds) forget(id txn.ServerID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.mu.echoes, id)
}

// elect puts another membership in force.
func (r *rounds) elect(who *electorate) {
	r.mu.Lock()
	r.mu.who = who
	answered := r.take()
	r.mu.Unlock()
	r.answer(answered)
}

// take needs mu. It removes the asks that a quorum has answered.
func (r *rounds) take() []ask {
	n := 0
	for n < len(r.mu.asks) && r.mu.who.Reached(func(id txn.ServerID) bool {
		e := r.mu.echoes[id]
		return e.round >= r.mu.asks[n].round && r.mu.who.counts(id, e.disk)
	}) {
		n++
	}
	answered := r.mu.asks[:n:n]
	r.mu.asks = r.mu.asks[n:]
	return answered
}

func (r *rounds) answer(asks []ask) {
	for _, a := range asks {
		a.done(a.at, nil)
	}
}

// end fails all that is asked, now and later.
func (r *rounds) end(cause error) {
	r.mu.Lock()
	asks := r.mu.asks
	r.mu.asks, r.mu.over = nil, cause
	r.mu.Unlock()
	for _, a := range asks {
		a.done(0, cause)
	}
}
