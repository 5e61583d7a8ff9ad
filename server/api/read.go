package api

import (
	"context"

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

// Exists tells whether a node exists. As in ZooKeeper, one that does needs READ.
func (k *Keeper) Exists(ctx context.Context, r *apiv1.ExistsRequest) (*apiv1.ExistsResponse, error) {
	v := k.view(ctx)
	n, found, err := v.find(r.GetPath())
	switch {
	case err != nil:
		return nil, Error(err)
	case !found:
		return &apiv1.ExistsResponse{Zxid: uint64(v.Zxid())}, nil
	case !v.may(n, txn.MayRead):
		return nil, Error(v.denied(r.GetPath(), "READ"))
	}
	return &apiv1.ExistsResponse{Zxid: uint64(v.Zxid()), Stat: statOf(n.Stat())}, nil
}

// Get returns a node's data.
func (k *Keeper) Get(ctx context.Context, r *apiv1.GetRequest) (*apiv1.GetResponse, error) {
	v := k.view(ctx)
	n, err := v.readable(r.GetPath())
	if err != nil {
		return nil, Error(err)
	}
	return &apiv1.GetResponse{Zxid: uint64(v.Zxid()), Data: n.Data(), Stat: statOf(n.Stat())}, nil
}

// GetAcl returns a node's access control list, to those with READ or ADMIN. Only
// ADMIN sees the hashes in it.
func (k *Keeper) GetAcl(ctx context.Context, r *apiv1.GetAclRequest) (*apiv1.GetAclResponse, error) {
	v := k.view(ctx)
	n, found, err := v.find(r.GetPath())
	if err == nil && !found {
		err = v.missing(r.GetPath())
	}
	if err != nil {
		return nil, Error(err)
	}
	acl, admin := v.ACL(n), v.may(n, txn.MayAdmin)
	if !admin && !v.may(n, txn.MayRead) {
		return nil, Error(v.denied(r.GetPath(), "READ or ADMIN"))
	}
	if !admin {
		acl = tree.Masked(acl)
	}
	return &apiv1.GetAclResponse{Zxid: uint64(v.Zxid()), Acl: aclOut(acl), Stat: statOf(n.Stat())}, nil
}
