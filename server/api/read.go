package api

import (
	"context"
	"strings"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// view is one version of the tree as one caller may see it.
type view struct {
	*tree.Version
	caller tree.Caller
}

// view returns the published version as the caller of ctx may see it.
func (k *Keeper) view(ctx context.Context) view {
	return view{k.pipeline.Version(), CallerOf(ctx)}
}

// may tells whether the caller has one of the wanted permissions on n.
func (v view) may(n tree.Node, want txn.Perms) bool {
	return tree.Allowed(v.ACL(n), want, v.caller)
}

// find returns the node at a path; found is false, without an error, if there is none.
func (v view) find(path string) (n tree.Node, found bool, err error) {
	if err := tree.ValidatePath(path); err != nil {
		return n, false, v.at(err)
	}
	n, found = v.Get(path)
	return n, found, nil
}

// readable returns the node at a path that the caller may read.
func (v view) readable(path string) (tree.Node, error) {
	n, found, err := v.find(path)
	switch {
	case err != nil:
		return n, err
	case !found:
		return n, v.missing(path)
	case !v.may(n, txn.MayRead):
		return n, v.denied(path, "READ")
	}
	return n, nil
}

// at notes in a refusal the version in which it was found.
func (v view) at(err error) error {
	if f, ok := err.(*fault.Error); ok { //nolint:errorlint // the tree returns it bare
		f.Zxid = v.Zxid()
	}
	return err
}

func (v view) missing(path string) error {
	return v.at(fault.New(fault.NoNode, path, "no such node"))
}

func (v view) denied(path, perms string) error {
	return v.at(fault.New(fault.NoAuth, path, "needs permission %s", perms))
}

// exists tells whether a node exists. As in ZooKeeper, one that does needs READ.
func (v view) exists(r *apiv1.ExistsRequest) (*apiv1.ExistsResponse, error) {
	n, found, err := v.find(r.GetPath())
	switch {
	case err != nil:
		return nil, err
	case !found:
		return &apiv1.ExistsResponse{Zxid: uint64(v.Zxid())}, nil
	case !v.may(n, txn.MayRead):
		return nil, v.denied(r.GetPath(), "READ")
	}
	return &apiv1.ExistsResponse{Zxid: uint64(v.Zxid()), Stat: statOf(n.Stat())}, nil
}

// get returns a node's data.
func (v view) get(r *apiv1.GetRequest) (*apiv1.GetResponse, error) {
	n, err := v.readable(r.GetPath())
	if err != nil {
		return nil, err
	}
	return &apiv1.GetResponse{Zxid: uint64(v.Zxid()), Data: n.Data(), Stat: statOf(n.Stat())}, nil
}

// getACL returns a node's access control list, to those with READ or ADMIN. Only
// ADMIN sees the hashes in it.
func (v view) getACL(r *apiv1.GetAclRequest) (*apiv1.GetAclResponse, error) {
	n, found, err := v.find(r.GetPath())
	if err == nil && !found {
		err = v.missing(r.GetPath())
	}
	if err != nil {
		return nil, err
	}
	acl, admin := v.ACL(n), v.may(n, txn.MayAdmin)
	if !admin && !v.may(n, txn.MayRead) {
		return nil, v.denied(r.GetPath(), "READ or ADMIN")
	}
	if !admin {
		acl = tree.Masked(acl)
	}
	return &apiv1.GetAclResponse{Zxid: uint64(v.Zxid()), Acl: aclOut(acl), Stat: statOf(n.Stat())}, nil
}

// ephemerals returns the nodes of a session.
func (v view) ephemerals(id txn.SessionID, r *apiv1.GetEphemeralsRequest) *apiv1.GetEphemeralsResponse {
	res := &apiv1.GetEphemeralsResponse{Zxid: uint64(v.Zxid())}
	for path := range v.Ephemerals(id) {
		if strings.HasPrefix(path, r.GetPrefix()) {
			res.Paths = append(res.Paths, path)
		}
	}
	return res
}

// count counts the nodes below one that the caller may read. As in ZooKeeper, whether he may read those is not asked.
func (v view) count(r *apiv1.CountDescendantsRequest) (*apiv1.CountDescendantsResponse, error) {
	n, err := v.readable(r.GetPath())
	if err != nil {
		return nil, err
	}
	res := &apiv1.CountDescendantsResponse{Zxid: uint64(v.Zxid())}
	for range v.Descendants(n.Path()) {
		res.Count++
	}
	return res, nil
}

// multiRead makes several reads. What fails is a failure of its own.
func (v view) multiRead(r *apiv1.MultiReadRequest) (*apiv1.MultiReadResponse, error) {
	if n := len(r.GetOps()); n > maxOps {
		return nil, fault.New(fault.TooLarge, "", "there are %d reads; %d is the most", n, maxOps)
	}
	res := &apiv1.MultiReadResponse{Zxid: uint64(v.Zxid()), Results: make([]*apiv1.ReadResult, len(r.GetOps()))}
	for i, op := range r.GetOps() {
		res.Results[i] = v.readOne(op)
	}
	return res, nil
}

func (v view) readOne(op *apiv1.ReadOp) *apiv1.ReadResult {
	var err error
	switch op := op.GetOp().(type) {
	case *apiv1.ReadOp_Get:
		var res *apiv1.GetResponse
		if res, err = v.get(op.Get); err == nil {
			return &apiv1.ReadResult{Result: &apiv1.ReadResult_Get{Get: res}}
		}
	case *apiv1.ReadOp_Exists:
		var res *apiv1.ExistsResponse
		if res, err = v.exists(op.Exists); err == nil {
			return &apiv1.ReadResult{Result: &apiv1.ReadResult_Exists{Exists: res}}
		}
	case *apiv1.ReadOp_List:
		var res *apiv1.ListResponse
		if res, err = v.names(op.List.GetPath()); err == nil {
			return &apiv1.ReadResult{Result: &apiv1.ReadResult_List{List: res}}
		}
	default:
		err = fault.New(fault.BadArguments, "", "no read is set: want get, exists or list")
	}
	return &apiv1.ReadResult{Result: &apiv1.ReadResult_Failure{Failure: failureOf(err)}}
}

// names returns a node's children in one piece.
func (v view) names(path string) (*apiv1.ListResponse, error) {
	root, err := v.readable(path)
	if err != nil {
		return nil, err
	}
	res := &apiv1.ListResponse{Zxid: uint64(v.Zxid()), Stat: statOf(root.Stat())}
	for n := range v.Children(path) {
		res.Entries = append(res.Entries, &apiv1.Entry{Name: n.Name()})
	}
	return res, nil
}
