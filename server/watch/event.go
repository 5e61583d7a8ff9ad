package watch

import (
	"fmt"
	"strings"

	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// EventType says what happened to a node. The numbers are those of the proto file, and of ZooKeeper.
type EventType uint8

// The types of events.
const (
	// Created: there is a node now.
	Created EventType = iota + 1
	// Deleted: there is none any more.
	Deleted
	// DataChanged: its data was replaced.
	DataChanged
	// ChildrenChanged: a child was created or deleted.
	ChildrenChanged
)

// String returns the type in lower case.
func (t EventType) String() string {
	switch t {
	case Created:
		return "created"
	case Deleted:
		return "deleted"
	case DataChanged:
		return "changed"
	case ChildrenChanged:
		return "children"
	}
	return fmt.Sprintf("event %d", uint8(t))
}

// Event is one thing that happened to a node.
type Event struct {
	// Zxid is that of the txn that did it.
	Zxid txn.Zxid
	// Type is what happened.
	Type EventType
	// Path is the node's. It may be kept.
	Path string
	// Missed tells that it is told by [Watcher.Add] for the watch that comes back, and for no other.
	Missed bool
}

// Mode is of what a watch tells, and how often: one bit each, so that several modes on one path are a sum.
type Mode uint8

// The modes.
const (
	// Data tells once of the node's deletion or the next change of its data.
	Data Mode = 1 << iota
	// Exists tells once of the node's creation or deletion, or the next change of its data.
	Exists
	// Children tells once of the next creation or deletion of a child, or of the node's own deletion.
	Children
	// Persistent tells each time of the node itself, and of its children as ChildrenChanged.
	Persistent
	// PersistentRecursive tells each time of the node and of all nodes below it; never ChildrenChanged.
	PersistentRecursive

	itself // a Cursor's that is not recursive: tells each time of the node itself

	oneShot = Data | Exists | Children
	// AnyMode is all of them.
	AnyMode = oneShot | Persistent | PersistentRecursive
)

// String returns the names of the modes.
func (m Mode) String() string {
	names := [...]string{"data", "exists", "children", "persistent", "recursive", "itself"}
	var all []string
	for i, name := range names {
		if m&(1<<i) != 0 {
			all = append(all, name)
		}
	}
	return strings.Join(all, "+")
}

// single tells whether m is one mode that a client may ask for.
func (m Mode) single() bool { return m&AnyMode == m && m != 0 && m&(m-1) == 0 }

// ofNode returns the modes that are told of an effect on the very node that they are on.
func ofNode(k tree.EffectKind) Mode {
	switch k {
	case tree.Created:
		return Exists | Persistent | PersistentRecursive | itself
	case tree.Deleted:
		return AnyMode | itself
	}
	return Data | Exists | Persistent | PersistentRecursive | itself
}

// ofChild returns the modes that are told of an effect on a child of the node that they are on.
func ofChild(k tree.EffectKind) Mode {
	if k == tree.DataChanged {
		return 0
	}
	return Children | Persistent
}

// within tells whether path is top or below it.
func within(top, path string) bool {
	return top == "/" || strings.HasPrefix(path, top) && (len(path) == len(top) || path[len(top)] == '/')
}

// mayRead tells whether who may read a node with this access control list; an unknown one (nil) lets nobody but super.
func mayRead(acl []txn.ACE, who tree.Caller) bool { return tree.Allowed(acl, txn.MayRead, who) }
