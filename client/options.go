package client

import (
	"time"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// CreateOption says what kind of node to create.
type CreateOption struct{ set func(*apiv1.CreateRequest) }

// Ephemeral makes the node live as long as the session that creates it.
func Ephemeral() CreateOption {
	return CreateOption{func(r *apiv1.CreateRequest) { r.Kind = apiv1.NodeKind_NODE_KIND_EPHEMERAL }}
}

// Sequential takes the path as a prefix and adds ten digits to it, a number that grows with each child ever created
// under the parent.
func Sequential() CreateOption {
	return CreateOption{func(r *apiv1.CreateRequest) { r.Sequential = true }}
}

// Container makes a node that the ensemble deletes some time after its last child went.
func Container() CreateOption {
	return CreateOption{func(r *apiv1.CreateRequest) { r.Kind = apiv1.NodeKind_NODE_KIND_CONTAINER }}
}

// TTL makes a node that the ensemble deletes when it has no children and was not changed for ttl: from a millisecond
// to 2^40-1 of them, about 34 years.
func TTL(ttl time.Duration) CreateOption {
	return CreateOption{func(r *apiv1.CreateRequest) {
		r.Kind, r.TtlMs = apiv1.NodeKind_NODE_KIND_TTL, ttl.Milliseconds()
	}}
}

// WithACL says who may do what with the node; without it everybody may do everything.
func WithACL(acl ...ACE) CreateOption {
	return CreateOption{func(r *apiv1.CreateRequest) { r.Acl = aclTo(acl) }}
}

// ChangeOption puts a condition on a change.
type ChangeOption struct{ version *int32 }

func changeOf(options []ChangeOption) (version *int32) {
	for _, o := range options {
		version = o.version
	}
	return version
}

// IfVersion lets a change pass only if the node is at this version: of its data for Set, Delete and Check, of its
// access control list for SetACL. Otherwise it fails with [ErrBadVersion].
func IfVersion(version int32) ChangeOption {
	return ChangeOption{&version}
}

// ReadOption says how new a read must be. It is also a [ListOption] and a [WatchOption].
type ReadOption struct{ set func(*apiv1.ReadOptions) }

// Linearizable makes a read see whatever was acknowledged to anybody before it began. It costs a question to a
// quorum; without it a read sees what its server has, which may be behind, and never goes back.
func Linearizable() ReadOption {
	return ReadOption{func(o *apiv1.ReadOptions) { o.Consistency = apiv1.Consistency_CONSISTENCY_LINEARIZABLE }}
}

// AtLeast makes a read wait until its server has the version zxid: another program's write, of which this one
// was told, is then in it.
func AtLeast(zxid Zxid) ReadOption {
	return ReadOption{func(o *apiv1.ReadOptions) { o.MinZxid = max(o.MinZxid, uint64(zxid)) }}
}

func readOptions(options []ReadOption) *apiv1.ReadOptions {
	if len(options) == 0 {
		return nil
	}
	o := &apiv1.ReadOptions{}
	for _, option := range options {
		option.set(o)
	}
	return o
}

// ListOption says what List tells: a [ScopeOption], or a [ReadOption].
type ListOption interface{ list(*apiv1.ListRequest) }

// WatchOption says what Watch tells: a [ScopeOption], a [ReadOption], [After], [Types] or [WithProgress].
type WatchOption interface{ watch(*watchRequest) }

// ScopeOption says how much a list or a watch tells; it is a [ListOption] and a [WatchOption].
type ScopeOption struct {
	recursive bool
	view      apiv1.ListView
}

// Recursive tells of all nodes below the path, parents before their children, instead of the children, or the node, alone.
func Recursive() ScopeOption { return ScopeOption{recursive: true} }

// WithStats adds to each entry of a list its Stat. A watch has it anyway.
func WithStats() ScopeOption { return ScopeOption{view: apiv1.ListView_LIST_VIEW_STATS} }

// WithData adds the nodes' contents, and their Stats. Nodes without READ permission are passed over.
func WithData() ScopeOption { return ScopeOption{view: apiv1.ListView_LIST_VIEW_DATA} }

func (o ScopeOption) list(r *apiv1.ListRequest) {
	r.Recursive = r.Recursive || o.recursive
	r.View = max(r.View, o.view)
}

func (o ScopeOption) watch(r *watchRequest) {
	r.Recursive = r.Recursive || o.recursive
	r.WithData = r.WithData || o.view == apiv1.ListView_LIST_VIEW_DATA
}

func (o ReadOption) list(r *apiv1.ListRequest) {
	if r.Options == nil {
		r.Options = &apiv1.ReadOptions{}
	}
	o.set(r.Options)
}

func (o ReadOption) watch(r *watchRequest) {
	if r.Options == nil {
		r.Options = &apiv1.ReadOptions{}
	}
	o.set(r.Options)
}

// watchRequest is what Watch asks for, and how it tells it.
type watchRequest struct {
	*apiv1.WatchRequest
	progress bool
}

type watchOption func(*watchRequest)

func (o watchOption) watch(r *watchRequest) { o(r) }

// After begins a watch after a zxid, up to which the caller knows everything, instead of with a snapshot.
func After(zxid Zxid) WatchOption {
	return watchOption(func(r *watchRequest) { r.AfterZxid = uint64(zxid) })
}

// Types leaves out events of other types: of EventCreated, EventDeleted and EventDataChanged.
func Types(types ...EventType) WatchOption {
	return watchOption(func(r *watchRequest) {
		for _, t := range types {
			r.Types = append(r.Types, apiv1.EventType(t))
		}
	})
}

// WithProgress adds an [EventProgress] after the snapshot, after each txn, and from time to time when nothing happened: what came before
// it is, together, the tree as it is at its zxid.
func WithProgress() WatchOption {
	return watchOption(func(r *watchRequest) { r.progress = true })
}
