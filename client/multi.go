package client

import (
	"context"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// Op is one change, made by itself with [Session.Start] or together with others with [Tree.Multi].
type Op struct{ op *apiv1.MultiOp }

// CreateOp creates a node, as [Tree.Create].
func CreateOp(path string, data []byte, options ...CreateOption) Op {
	return Op{&apiv1.MultiOp{Op: &apiv1.MultiOp_Create{Create: createRequest(path, data, options)}}}
}

// DeleteOp deletes a node, as [Tree.Delete].
func DeleteOp(path string, options ...ChangeOption) Op {
	return Op{&apiv1.MultiOp{Op: &apiv1.MultiOp_Delete{Delete: &apiv1.DeleteRequest{Path: path, Version: changeOf(options)}}}}
}

// SetOp replaces a node's data, as [Tree.Set].
func SetOp(path string, data []byte, options ...ChangeOption) Op {
	return Op{&apiv1.MultiOp{Op: &apiv1.MultiOp_Set{Set: &apiv1.SetRequest{Path: path, Data: data, Version: changeOf(options)}}}}
}

// CheckOp lets a Multi pass only if a node exists, with [IfVersion] at that version.
func CheckOp(path string, options ...ChangeOption) Op {
	return Op{&apiv1.MultiOp{Op: &apiv1.MultiOp_Check{Check: &apiv1.CheckRequest{Path: path, Version: changeOf(options)}}}}
}

// Result is the outcome of one operation.
type Result struct {
	// Path of the node; of a sequential node with its number.
	Path string
	// Stat of the node after the operation; zero after a deletion or a check. Its Version is [UnknownVersion] if a break
	// has swallowed the answer and the node was changed since.
	Stat Stat
	// Zxid of the change.
	Zxid Zxid
}

// Multi makes several changes as one, all or nothing, under one zxid. If it fails, nothing was changed, and [Error].Op says which operation was at fault. Without
// operations it does nothing.
//
// If the connection broke before the answer of a Multi with sequential nodes came, it may fail with [ErrUnknownOutcome] and a
// zxid in the error: it took effect under that zxid, and only the names of the nodes are not known.
func (t Tree) Multi(ctx context.Context, ops ...Op) ([]Result, error) {
	if len(ops) == 0 {
		return nil, nil
	}
	a, err := t.via.call(ctx, &apiv1.SessionCall{Op: &apiv1.SessionCall_Multi{Multi: multiRequest(ops)}})
	if err != nil {
		return nil, err
	}
	zxid := Zxid(a.GetMulti().GetZxid())
	if len(a.GetMulti().GetResults()) == 0 {
		return t.resultsAfter(ctx, ops, zxid)
	}
	results := make([]Result, 0, len(ops))
	for _, r := range a.GetMulti().GetResults() {
		results = append(results, Result{Path: r.GetPath(), Stat: statOf(r.GetStat()), Zxid: zxid})
	}
	return results, nil
}

func multiRequest(ops []Op) *apiv1.MultiRequest {
	r := &apiv1.MultiRequest{Ops: make([]*apiv1.MultiOp, 0, len(ops))}
	for _, o := range ops {
		r.Ops = append(r.Ops, o.op)
	}
	return r
}

// resultsAfter works out the results of a Multi that is known to have taken effect.
func (t Tree) resultsAfter(ctx context.Context, ops []Op, zxid Zxid) ([]Result, error) {
	results := make([]Result, 0, len(ops))
	for _, o := range ops {
		path, changes := o.target()
		if o.op.GetCreate().GetSequential() {
			return nil, lost(zxid)
		}
		r := Result{Path: path, Zxid: zxid}
		if changes {
			r.Stat, _ = t.statAfter(ctx, nil, path, zxid)
		}
		results = append(results, r)
	}
	return results, nil
}

// target returns the node that an operation is about, and whether a Stat of it is a result.
func (o Op) target() (path string, stat bool) {
	switch op := o.op.GetOp().(type) {
	case *apiv1.MultiOp_Create:
		return op.Create.GetPath(), true
	case *apiv1.MultiOp_Set:
		return op.Set.GetPath(), true
	case *apiv1.MultiOp_Delete:
		return op.Delete.GetPath(), false
	case *apiv1.MultiOp_Check:
		return op.Check.GetPath(), false
	}
	return "", false
}

// Read is one read of a [Tree.MultiRead].
type Read struct{ op *apiv1.ReadOp }

// GetRead reads a node, as [Tree.Get].
func GetRead(path string) Read {
	return Read{&apiv1.ReadOp{Op: &apiv1.ReadOp_Get{Get: &apiv1.GetRequest{Path: path}}}}
}

// ChildrenRead reads the names of a node's children, as [Tree.Children].
func ChildrenRead(path string) Read {
	return Read{&apiv1.ReadOp{Op: &apiv1.ReadOp_List{List: &apiv1.ListRequest{Path: path, View: apiv1.ListView_LIST_VIEW_NAMES}}}}
}

// ReadResult is the outcome of one read.
type ReadResult struct {
	// Node is the node that was read; of a ChildrenRead without its data.
	Node Node
	// Children are the names of the children, of a ChildrenRead.
	Children []string
	// Err says why there is nothing; nil if there is.
	Err error
}

// MultiRead makes several reads of one version of the tree, 10,000 at the most. Each succeeds or fails by itself.
func (t Tree) MultiRead(ctx context.Context, reads []Read, options ...ReadOption) ([]ReadResult, error) {
	r := &apiv1.MultiReadRequest{Options: readOptions(options)}
	for _, read := range reads {
		r.Ops = append(r.Ops, read.op)
	}
	a, err := t.via.call(ctx, &apiv1.SessionCall{Op: &apiv1.SessionCall_MultiRead{MultiRead: r}})
	if err != nil {
		return nil, err
	}
	results := make([]ReadResult, 0, len(reads))
	for i, one := range a.GetMultiRead().GetResults() {
		if i < len(reads) {
			results = append(results, reads[i].result(one, Zxid(a.GetMultiRead().GetZxid())))
		}
	}
	return results, nil
}

func (r Read) result(got *apiv1.ReadResult, zxid Zxid) ReadResult {
	if f := got.GetFailure(); f != nil {
		return ReadResult{Err: newFailure(f, "")}
	}
	if l := got.GetList(); l != nil {
		out := ReadResult{Node: Node{Path: r.op.GetList().GetPath(), Stat: statOf(l.GetStat()), Zxid: zxid}}
		for _, e := range l.GetEntries() {
			out.Children = append(out.Children, e.GetName())
		}
		return out
	}
	n := nodeOf(r.op.GetGet().GetPath(), got.GetGet())
	n.Zxid = zxid
	return ReadResult{Node: n}
}

// single is the operation as a call of its own.
func (o Op) single() *apiv1.SessionCall {
	switch op := o.op.GetOp().(type) {
	case *apiv1.MultiOp_Create:
		return &apiv1.SessionCall{Op: &apiv1.SessionCall_Create{Create: op.Create}}
	case *apiv1.MultiOp_Delete:
		return &apiv1.SessionCall{Op: &apiv1.SessionCall_Delete{Delete: op.Delete}}
	case *apiv1.MultiOp_Set:
		return &apiv1.SessionCall{Op: &apiv1.SessionCall_Set{Set: op.Set}}
	}
	return &apiv1.SessionCall{Op: &apiv1.SessionCall_Multi{Multi: multiRequest([]Op{o})}}
}

// outcome reads the answer to an operation that was a call of its own.
func (o Op) outcome(ctx context.Context, t Tree, a *apiv1.SessionAnswer) (Result, error) {
	path, _ := o.target()
	r := Result{Path: path}
	var stat *apiv1.Stat
	switch {
	case a.GetCreate() != nil:
		r.Path, r.Zxid, stat = a.GetCreate().GetPath(), Zxid(a.GetCreate().GetZxid()), a.GetCreate().GetStat()
	case a.GetSet() != nil:
		r.Zxid, stat = Zxid(a.GetSet().GetZxid()), a.GetSet().GetStat()
	case a.GetDelete() != nil:
		r.Zxid = Zxid(a.GetDelete().GetZxid())
		return r, nil
	default:
		r.Zxid = Zxid(a.GetMulti().GetZxid())
		return r, nil
	}
	var err error
	r.Stat, err = t.statAfter(ctx, stat, r.Path, r.Zxid)
	return r, err
}
