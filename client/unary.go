package client

import (
	"context"
	"iter"

	"google.golang.org/grpc"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// unary carries each call as a call of its own.
type unary struct{ keeper apiv1.KeeperClient }

// ask makes one unary call and wraps what comes back.
func ask[Q, R any](ctx context.Context, stub func(context.Context, Q, ...grpc.CallOption) (R, error), request Q, wrap func(R) *apiv1.SessionAnswer) (*apiv1.SessionAnswer, error) {
	reply, err := stub(ctx, request)
	if err != nil {
		return nil, err
	}
	return wrap(reply), nil
}

func (u unary) call(ctx context.Context, c *apiv1.SessionCall) (*apiv1.SessionAnswer, error) {
	k := u.keeper
	switch op := c.GetOp().(type) {
	case *apiv1.SessionCall_Create:
		return ask(ctx, k.Create, op.Create, func(r *apiv1.CreateResponse) *apiv1.SessionAnswer {
			return &apiv1.SessionAnswer{Result: &apiv1.SessionAnswer_Create{Create: r}}
		})
	case *apiv1.SessionCall_Delete:
		return ask(ctx, k.Delete, op.Delete, func(r *apiv1.DeleteResponse) *apiv1.SessionAnswer {
			return &apiv1.SessionAnswer{Result: &apiv1.SessionAnswer_Delete{Delete: r}}
		})
	case *apiv1.SessionCall_Set:
		return ask(ctx, k.Set, op.Set, func(r *apiv1.SetResponse) *apiv1.SessionAnswer {
			return &apiv1.SessionAnswer{Result: &apiv1.SessionAnswer_Set{Set: r}}
		})
	case *apiv1.SessionCall_SetAcl:
		return ask(ctx, k.SetAcl, op.SetAcl, func(r *apiv1.SetAclResponse) *apiv1.SessionAnswer {
			return &apiv1.SessionAnswer{Result: &apiv1.SessionAnswer_SetAcl{SetAcl: r}}
		})
	case *apiv1.SessionCall_Multi:
		return ask(ctx, k.Multi, op.Multi, func(r *apiv1.MultiResponse) *apiv1.SessionAnswer {
			return &apiv1.SessionAnswer{Result: &apiv1.SessionAnswer_Multi{Multi: r}}
		})
	}
	return u.read(ctx, c)
}

func (u unary) read(ctx context.Context, c *apiv1.SessionCall) (*apiv1.SessionAnswer, error) {
	k := u.keeper
	switch op := c.GetOp().(type) {
	case *apiv1.SessionCall_Exists:
		return ask(ctx, k.Exists, op.Exists, func(r *apiv1.ExistsResponse) *apiv1.SessionAnswer {
			return &apiv1.SessionAnswer{Result: &apiv1.SessionAnswer_Exists{Exists: r}}
		})
	case *apiv1.SessionCall_Get:
		return ask(ctx, k.Get, op.Get, func(r *apiv1.GetResponse) *apiv1.SessionAnswer {
			return &apiv1.SessionAnswer{Result: &apiv1.SessionAnswer_Get{Get: r}}
		})
	case *apiv1.SessionCall_GetAcl:
		return ask(ctx, k.GetAcl, op.GetAcl, func(r *apiv1.GetAclResponse) *apiv1.SessionAnswer {
			return &apiv1.SessionAnswer{Result: &apiv1.SessionAnswer_GetAcl{GetAcl: r}}
		})
	case *apiv1.SessionCall_MultiRead:
		return ask(ctx, k.MultiRead, op.MultiRead, func(r *apiv1.MultiReadResponse) *apiv1.SessionAnswer {
			return &apiv1.SessionAnswer{Result: &apiv1.SessionAnswer_MultiRead{MultiRead: r}}
		})
	case *apiv1.SessionCall_Sync:
		return ask(ctx, k.Sync, op.Sync, func(r *apiv1.SyncResponse) *apiv1.SessionAnswer {
			return &apiv1.SessionAnswer{Result: &apiv1.SessionAnswer_Sync{Sync: r}}
		})
	case *apiv1.SessionCall_CountDescendants:
		return ask(ctx, k.CountDescendants, op.CountDescendants, func(r *apiv1.CountDescendantsResponse) *apiv1.SessionAnswer {
			return &apiv1.SessionAnswer{Result: &apiv1.SessionAnswer_CountDescendants{CountDescendants: r}}
		})
	case *apiv1.SessionCall_WhoAmI:
		return ask(ctx, k.WhoAmI, op.WhoAmI, func(r *apiv1.WhoAmIResponse) *apiv1.SessionAnswer {
			return &apiv1.SessionAnswer{Result: &apiv1.SessionAnswer_WhoAmI{WhoAmI: r}}
		})
	}
	return nil, refusal(reasonBadArguments, "this call needs a session")
}

// list takes the pieces as they come; whoever stops early ends the call.
func (u unary) list(ctx context.Context, r *apiv1.ListRequest) iter.Seq2[*apiv1.ListResponse, error] {
	return func(yield func(*apiv1.ListResponse, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := u.keeper.List(ctx, r)
		if err != nil {
			yield(nil, err)
			return
		}
		for {
			piece, err := stream.Recv()
			if isEOF(err) {
				return
			}
			if !yield(piece, err) || err != nil {
				return
			}
		}
	}
}
