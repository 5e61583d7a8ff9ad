package facts

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/quorate/quorate/server/lease"
	"github.com/quorate/quorate/store/txn"
)

// Sessions is what the word dump tells.
type Sessions struct {
	// Leads tells whether this server does, and so knows when sessions expire.
	Leads     bool
	Deadlines []lease.Deadline
	// Open are all sessions of the ensemble, in the order of their ids.
	Open []Session
	// Locals are the sessions that only this server knows.
	Locals []lease.Deadline
	// Ephemerals are those nodes, by session.
	Ephemerals []Owner
}

// Session is one session.
type Session struct {
	ID      txn.SessionID
	Timeout time.Duration
}

// Owner is a session with its ephemeral nodes, sorted.
type Owner struct {
	Session txn.SessionID
	Paths   []string
}

// Sessions returns the sessions of one moment.
func (s *Source) Sessions() Sessions {
	v := s.Version()
	var out Sessions
	for open := range v.AllSessions() {
		out.Open = append(out.Open, Session{open.ID, time.Duration(open.Timeout) * time.Millisecond})
	}
	for id, path := range v.AllEphemerals() {
		if n := len(out.Ephemerals); n == 0 || out.Ephemerals[n-1].Session != id {
			out.Ephemerals = append(out.Ephemerals, Owner{Session: id})
		}
		last := &out.Ephemerals[len(out.Ephemerals)-1]
		last.Paths = append(last.Paths, path)
	}
	out.Deadlines, out.Leads = s.Deadlines()
	out.Locals = byTime(s.Locals())
	return out
}

// byTime groups sessions by when they expire, the earliest first.
func byTime(due map[txn.SessionID]time.Time) []lease.Deadline {
	at := map[time.Time][]txn.SessionID{}
	for id, t := range due {
		t = t.Truncate(time.Second).Add(time.Second)
		at[t] = append(at[t], id)
	}
	var all []lease.Deadline
	for _, t := range slices.SortedFunc(maps.Keys(at), time.Time.Compare) {
		slices.Sort(at[t])
		all = append(all, lease.Deadline{At: t, Sessions: at[t]})
	}
	return all
}

// Watched is what one session watches, sorted.
type Watched struct {
	Session txn.SessionID
	Paths   []string
}

// Watched returns what each session watches on this server, in the order of their ids.
func (s *Source) Watched() []Watched {
	var all []Watched
	s.Watches.Walk(func(id txn.SessionID, paths []string) { all = append(all, Watched{id, paths}) })
	slices.SortFunc(all, func(a, b Watched) int { return cmp.Compare(a.Session, b.Session) })
	return all
}

// Watchers is who watches a path, sorted.
type Watchers struct {
	Path     string
	Sessions []txn.SessionID
}

// Watchers returns who watches each path, in the order of the paths.
func (s *Source) Watchers() []Watchers {
	by := map[string][]txn.SessionID{}
	for _, w := range s.Watched() {
		for _, p := range w.Paths {
			by[p] = append(by[p], w.Session)
		}
	}
	all := make([]Watchers, 0, len(by))
	for _, p := range slices.Sorted(maps.Keys(by)) {
		all = append(all, Watchers{p, by[p]})
	}
	return all
}

// WatchSummary counts watches: how many connections have any, on how many paths, and how many there are.
type WatchSummary struct{ Connections, Paths, Total int }

// WatchSummary returns how many watches there are on this server.
func (s *Source) WatchSummary() WatchSummary {
	st := s.Watches.Stats()
	return WatchSummary{Connections: s.Watches.Watching(), Paths: st.Paths, Total: st.Watches}
}

// Digest is that of the tree at a zxid. It is not ZooKeeper's: two servers of one ensemble that are at the same zxid have the same.
type Digest struct {
	Zxid  txn.Zxid
	Value uint64
}

// Digest returns the digest of what is applied here.
func (s *Source) Digest() Digest {
	v := s.Version()
	return Digest{v.Zxid(), v.Digest()}
}
