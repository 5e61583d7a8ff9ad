package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/quorate/quorate/store/txn"
)

// history is what the ensemble has committed, as far as any server has applied it: the one
// sequence that all servers must show a prefix of. It only grows.
type history struct {
	entries []entry
	keys    map[string][]int // the entries that changed a path, by their index
	ops     map[string]int   // where a client's operation stands, by its name
}

// entry is a committed txn.
type entry struct {
	record
	digest uint64 // of the tree after it, as the leader has it
	op     string // a client's operation; empty for any other
	path   string // that it changed, if it is one
	data   string // what is there afterwards
	there  bool   // whether anything is

	at            time.Time     // when it was proposed, in milliseconds
	opens, closes txn.SessionID // a session that it opens or closes
	owner         txn.SessionID // of an ephemeral node that it creates
	timeout       time.Duration // of the session that it opens
	expiry        bool          // the leader has closed the session
}

func newHistory() *history {
	return &history{keys: map[string][]int{}, ops: map[string]int{}}
}

// entryOf reads a txn.
func entryOf(payload []byte) (entry, error) {
	t, err := txn.Decode(payload)
	if err != nil {
		return entry{}, err
	}
	e := entry{record: record{t.Zxid, sumOf(payload)}, digest: t.Digest, at: time.UnixMilli(t.Time)}
	switch op := t.Op.(type) {
	case *txn.Create:
		e.path, e.data, e.there, e.owner = op.Path, string(op.Data), true, op.Owner
	case *txn.CreateSession:
		e.opens, e.timeout = op.Session, time.Duration(op.Timeout)*time.Millisecond
		return e, nil
	case *txn.CloseSession:
		e.closes, e.expiry = op.Session, t.Author != author
		return e, nil
	case *txn.SetData:
		e.path, e.data, e.there = op.Path, string(op.Data), true
	case *txn.Delete:
		e.path = op.Path
	default:
		return e, nil
	}
	if t.Author == author {
		e.op = nameOf(t.Op)
	}
	return e, nil
}

// author is who asks on behalf of the world's clients.
const author = "sim:client"

// nameOf names an operation; no client asks for the same twice.
func nameOf(op txn.Op) string {
	switch op := op.(type) {
	case *txn.Create:
		return "create " + op.Path + " " + string(op.Data)
	case *txn.SetData:
		return "set " + op.Path + " " + string(op.Data)
	case *txn.Delete:
		return "delete " + op.Path
	}
	return ""
}

// last returns the zxid of the newest entry; 0 without.
func (h *history) last() txn.Zxid {
	if len(h.entries) == 0 {
		return 0
	}
	return h.entries[len(h.entries)-1].zxid
}

// before returns the last that was committed in earlier epochs; no zxid without.
func (h *history) before(e txn.Epoch) record {
	i, _ := h.find(txn.MakeZxid(e, 0))
	if i == 0 {
		return record{}
	}
	return h.entries[i-1].record
}

// find returns the index of the first entry that is not before z, and whether that is z's.
func (h *history) find(z txn.Zxid) (int, bool) {
	return slices.BinarySearchFunc(h.entries, z, func(e entry, z txn.Zxid) int {
		switch {
		case e.zxid < z:
			return -1
		case e.zxid > z:
			return 1
		}
		return 0
	})
}

// holds tells whether z is committed; 0 always is.
func (h *history) holds(z txn.Zxid) bool {
	_, ok := h.find(z)
	return ok || z == 0
}

// extend adds the next entry. The error names the rule that it breaks.
func (h *history) extend(e entry) error {
	last := h.last()
	switch {
	case e.zxid.Epoch() == last.Epoch() && e.zxid.Counter() != last.Counter()+1:
		return ruleBroken("LocalPrimaryOrder", "%v comes after %v", e.zxid, last)
	case e.zxid.Epoch() < last.Epoch():
		return ruleBroken("GlobalPrimaryOrder", "%v comes after %v", e.zxid, last)
	case e.zxid.Epoch() > last.Epoch() && e.zxid.Counter() != 1:
		return ruleBroken("LocalPrimaryOrder", "epoch %d begins with %v", e.zxid.Epoch(), e.zxid)
	}
	if i, twice := h.ops[e.op]; twice && e.op != "" {
		return ruleBroken("Integrity", "%q is committed at %v and again at %v", e.op, h.entries[i].zxid, e.zxid)
	}
	i := len(h.entries)
	h.entries = append(h.entries, e)
	if e.op != "" {
		h.ops[e.op] = i
	}
	if e.path != "" {
		h.keys[e.path] = append(h.keys[e.path], i)
	}
	return nil
}

// ruleBroken is an error that begins with the name of a rule.
func ruleBroken(rule, format string, args ...any) error {
	return fmt.Errorf("%s: %w", rule, fmt.Errorf(format, args...))
}

// at returns what is at a path after z.
func (h *history) at(path string, z txn.Zxid) (data string, there bool) {
	changes := h.keys[path]
	n, _ := slices.BinarySearchFunc(changes, z, func(i int, z txn.Zxid) int {
		if h.entries[i].zxid <= z {
			return -1
		}
		return 1
	})
	if n == 0 {
		return "", false
	}
	e := h.entries[changes[n-1]]
	return e.data, e.there
}
