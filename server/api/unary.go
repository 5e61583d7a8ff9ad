package api

import (
	"context"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/txn"
)

// await waits until the published version is as new as a read asks for.
func (k *Keeper) await(ctx context.Context, o *apiv1.ReadOptions) error {
	if o.GetConsistency() == apiv1.Consistency_CONSISTENCY_LINEARIZABLE {
		if _, err := k.pipeline.Sync(ctx); err != nil {
			return err
		}
	}
	if z := txn.Zxid(o.GetMinZxid()); z > k.pipeline.Version().Zxid() {
		return k.pipeline.Await(ctx, z)
	}
	return nil
}

// read answers a call that reads: what read finds in a version that is as new as it has to be. The error has a status.
func read[R any](ctx context.Context, k *Keeper, o *apiv1.ReadOptions, read func(view) (R, error)) (R, error) {
	if err := k.await(ctx, o); err != nil {
		var none R
		return none, Error(err)
	}
	res, err := read(k.view(ctx))
	return res, Error(err)
}

// noWatch refuses a read outside of a session that asks for a watch: there would be nobody to tell.
func noWatch(r interface {
	GetWatch() bool
	GetPath() string
},
) error {
	if !r.GetWatch() {
		return nil
	}
	return Error(fault.New(fault.BadArguments, r.GetPath(), "a watch needs a session's stream: use Session, or Watch"))
}

// Exists tells whether a node exists.
func (k *Keeper) Exists(ctx context.Context, r *apiv1.ExistsRequest) (*apiv1.ExistsResponse, error) {
	if err := noWatch(r); err != nil {
		return nil, err
	}
	return read(ctx, k, r.GetOptions(), func(v view) (*apiv1.ExistsResponse, error) { return v.exists(r) })
}

// Get returns a node's data.
func (k *Keeper) Get(ctx context.Context, r *apiv1.GetRequest) (*apiv1.GetResponse, error) {
	if err := noWatch(r); err != nil {
		return nil, err
	}
	return read(ctx, k, r.GetOptions(), func(v view) (*apiv1.GetResponse, error) { return v.get(r) })
}

// GetAcl returns a node's access control list.
func (k *Keeper) GetAcl(ctx context.Context, r *apiv1.GetAclRequest) (*apiv1.GetAclResponse, error) {
	return read(ctx, k, r.GetOptions(), func(v view) (*apiv1.GetAclResponse, error) { return v.getACL(r) })
}

// MultiRead makes several reads of one version.
func (k *Keeper) MultiRead(ctx context.Context, r *apiv1.MultiReadRequest) (*apiv1.MultiReadResponse, error) {
	return read(ctx, k, r.GetOptions(), func(v view) (*apiv1.MultiReadResponse, error) { return v.multiRead(r) })
}

// CountDescendants counts the nodes below one.
func (k *Keeper) CountDescendants(ctx context.Context, r *apiv1.CountDescendantsRequest) (*apiv1.CountDescendantsResponse, error) {
	return read(ctx, k, r.GetOptions(), func(v view) (*apiv1.CountDescendantsResponse, error) { return v.count(r) })
}

// GetEphemerals returns the nodes of the session that the call names.
func (k *Keeper) GetEphemerals(ctx context.Context, r *apiv1.GetEphemeralsRequest) (*apiv1.GetEphemeralsResponse, error) {
	s, err := k.named(ctx)
	if err != nil {
		return nil, Error(err)
	}
	return read(ctx, k, r.GetOptions(), func(v view) (*apiv1.GetEphemeralsResponse, error) { return v.ephemerals(s.ID, r), nil })
}

// WhoAmI returns the caller's identities.
func (k *Keeper) WhoAmI(ctx context.Context, _ *apiv1.WhoAmIRequest) (*apiv1.WhoAmIResponse, error) {
	return identitiesOf(CallerOf(ctx)), nil
}
