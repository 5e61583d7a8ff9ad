package clienttest

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/grpc"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// answer carries out a call on a session's stream.
func (f *Fake) answer(ctx context.Context, st *stream, c *apiv1.SessionCall) ([]*apiv1.SessionAnswer, error) {
	a := &apiv1.SessionAnswer{}
	var err error
	switch op := c.GetOp().(type) {
	case *apiv1.SessionCall_Create:
		r := &apiv1.SessionAnswer_Create{}
		r.Create, err = f.Create(ctx, op.Create)
		a.Result = r
	case *apiv1.SessionCall_Delete:
		r := &apiv1.SessionAnswer_Delete{}
		r.Delete, err = f.Delete(ctx, op.Delete)
		a.Result = r
	case *apiv1.SessionCall_Set:
		r := &apiv1.SessionAnswer_Set{}
		r.Set, err = f.Set(ctx, op.Set)
		a.Result = r
	case *apiv1.SessionCall_SetAcl:
		r := &apiv1.SessionAnswer_SetAcl{}
		r.SetAcl, err = f.SetAcl(ctx, op.SetAcl)
		a.Result = r
	case *apiv1.SessionCall_Multi:
		r := &apiv1.SessionAnswer_Multi{}
		r.Multi, err = f.Multi(ctx, op.Multi)
		a.Result = r
	case *apiv1.SessionCall_List:
		return f.listAnswers(ctx, op.List)
	case *apiv1.SessionCall_AddWatch, *apiv1.SessionCall_RemoveWatch, *apiv1.SessionCall_Authenticate, *apiv1.SessionCall_Close:
		return []*apiv1.SessionAnswer{a}, f.manage(ctx, st, c, a)
	default:
		err = f.readAnswer(ctx, c, a)
	}
	return []*apiv1.SessionAnswer{a}, err
}

func (f *Fake) readAnswer(ctx context.Context, c *apiv1.SessionCall, a *apiv1.SessionAnswer) (err error) {
	switch op := c.GetOp().(type) {
	case *apiv1.SessionCall_Exists:
		r := &apiv1.SessionAnswer_Exists{}
		r.Exists, err = f.Exists(ctx, op.Exists)
		a.Result = r
	case *apiv1.SessionCall_Get:
		r := &apiv1.SessionAnswer_Get{}
		r.Get, err = f.Get(ctx, op.Get)
		a.Result = r
	case *apiv1.SessionCall_GetAcl:
		r := &apiv1.SessionAnswer_GetAcl{}
		r.GetAcl, err = f.GetAcl(ctx, op.GetAcl)
		a.Result = r
	case *apiv1.SessionCall_MultiRead:
		r := &apiv1.SessionAnswer_MultiRead{}
		r.MultiRead, err = f.MultiRead(ctx, op.MultiRead)
		a.Result = r
	case *apiv1.SessionCall_Sync:
		r := &apiv1.SessionAnswer_Sync{}
		r.Sync, err = f.Sync(ctx, op.Sync)
		a.Result = r
	case *apiv1.SessionCall_GetEphemerals:
		r := &apiv1.SessionAnswer_GetEphemerals{}
		r.GetEphemerals, err = f.GetEphemerals(ctx, op.GetEphemerals)
		a.Result = r
	case *apiv1.SessionCall_CountDescendants:
		r := &apiv1.SessionAnswer_CountDescendants{}
		r.CountDescendants, err = f.CountDescendants(ctx, op.CountDescendants)
		a.Result = r
	case *apiv1.SessionCall_WhoAmI:
		r := &apiv1.SessionAnswer_WhoAmI{}
		r.WhoAmI, err = f.WhoAmI(ctx, op.WhoAmI)
		a.Result = r
	default:
		return Refusal{Reason: "BAD_ARGUMENTS", Detail: "the call is empty"}.Err()
	}
	return err
}

// manage carries out what concerns the stream itself.
func (f *Fake) manage(ctx context.Context, st *stream, c *apiv1.SessionCall, a *apiv1.SessionAnswer) error {
	switch op := c.GetOp().(type) {
	case *apiv1.SessionCall_AddWatch:
		zxid, err := f.look(ctx, func(*change) *Refusal { return st.add(c.GetCxid(), op.AddWatch) })
		a.Result = &apiv1.SessionAnswer_AddWatch{AddWatch: &apiv1.AddWatchResponse{Zxid: zxid}}
		return err
	case *apiv1.SessionCall_RemoveWatch:
		_, err := f.look(ctx, func(c *change) *Refusal { return st.remove(c, op.RemoveWatch) })
		a.Result = &apiv1.SessionAnswer_RemoveWatch{RemoveWatch: &apiv1.RemoveWatchResponse{}}
		return err
	case *apiv1.SessionCall_Authenticate:
		if op.Authenticate.GetScheme() != "digest" || !strings.Contains(string(op.Authenticate.GetCredentials()), ":") {
			return Refusal{Reason: "AUTH_FAILED", Detail: "that proves nothing"}.Err()
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		st.who = append(st.who, "digest "+Digest(string(op.Authenticate.GetCredentials())))
		a.Result = &apiv1.SessionAnswer_Authenticate{Authenticate: &apiv1.AuthenticateResponse{}}
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if st.session.id == 0 {
		return Refusal{Reason: "READ_ONLY", Detail: "there is no quorum"}.Err()
	}
	f.end(st.session, nil)
	a.Result = &apiv1.SessionAnswer_Close{Close: &apiv1.CloseSessionResponse{Zxid: f.mu.zxid}}
	return nil
}

// pieces gathers the pieces of a list.
type pieces struct {
	grpc.ServerStreamingServer[apiv1.ListResponse]
	ctx context.Context
	all []*apiv1.SessionAnswer
}

func (p *pieces) Context() context.Context { return p.ctx }

func (p *pieces) Send(m *apiv1.ListResponse) error {
	p.all = append(p.all, &apiv1.SessionAnswer{Result: &apiv1.SessionAnswer_List{List: m}})
	return nil
}

func (f *Fake) listAnswers(ctx context.Context, r *apiv1.ListRequest) ([]*apiv1.SessionAnswer, error) {
	p := &pieces{ctx: ctx}
	err := f.List(r, p)
	return p.all, err
}

// MultiRead implements Keeper.
func (f *Fake) MultiRead(ctx context.Context, r *apiv1.MultiReadRequest) (*apiv1.MultiReadResponse, error) {
	reply := &apiv1.MultiReadResponse{}
	zxid, err := f.look(ctx, func(c *change) *Refusal {
		for _, op := range r.GetOps() {
			reply.Results = append(reply.Results, c.read(op))
		}
		return nil
	})
	reply.Zxid = zxid
	return reply, err
}

func (c *change) read(op *apiv1.ReadOp) *apiv1.ReadResult {
	path := op.GetGet().GetPath() + op.GetList().GetPath() + op.GetExists().GetPath()
	n, refusal := c.find(path, nil, 1)
	if refusal != nil {
		return &apiv1.ReadResult{Result: &apiv1.ReadResult_Failure{Failure: failure(refusal.Err())}}
	}
	switch {
	case op.GetGet() != nil:
		return &apiv1.ReadResult{Result: &apiv1.ReadResult_Get{Get: &apiv1.GetResponse{Zxid: c.zxid - 1, Data: n.data, Stat: cloneStat(n.stat)}}}
	case op.GetList() != nil:
		return &apiv1.ReadResult{Result: &apiv1.ReadResult_List{List: &apiv1.ListResponse{Zxid: c.zxid - 1, Stat: cloneStat(n.stat), Entries: c.entries(op.GetList())}}}
	}
	return &apiv1.ReadResult{Result: &apiv1.ReadResult_Exists{Exists: &apiv1.ExistsResponse{Zxid: c.zxid - 1, Stat: cloneStat(n.stat)}}}
}

// GetEphemerals implements Keeper.
func (f *Fake) GetEphemerals(ctx context.Context, r *apiv1.GetEphemeralsRequest) (*apiv1.GetEphemeralsResponse, error) {
	reply := &apiv1.GetEphemeralsResponse{}
	zxid, err := f.look(ctx, func(c *change) *Refusal {
		for path, n := range c.nodes {
			if c.by != nil && n.stat.GetOwner() == c.by.id && strings.HasPrefix(path, r.GetPrefix()) {
				reply.Paths = append(reply.Paths, path)
			}
		}
		slices.Sort(reply.Paths)
		return nil
	})
	reply.Zxid = zxid
	return reply, err
}

// CountDescendants implements Keeper.
func (f *Fake) CountDescendants(ctx context.Context, r *apiv1.CountDescendantsRequest) (*apiv1.CountDescendantsResponse, error) {
	reply := &apiv1.CountDescendantsResponse{}
	zxid, err := f.look(ctx, func(c *change) *Refusal {
		_, refusal := c.find(r.GetPath(), nil, 1)
		reply.Count = uint64(len(c.below(r.GetPath())))
		return refusal
	})
	reply.Zxid = zxid
	return reply, err
}

// WhoAmI implements Keeper.
func (f *Fake) WhoAmI(ctx context.Context, _ *apiv1.WhoAmIRequest) (*apiv1.WhoAmIResponse, error) {
	reply := &apiv1.WhoAmIResponse{}
	_, err := f.look(ctx, func(c *change) *Refusal {
		for _, who := range c.who {
			scheme, id, _ := strings.Cut(who, " ")
			user, _, _ := strings.Cut(id, ":")
			reply.Identities = append(reply.Identities, &apiv1.Identity{Scheme: scheme, Id: user})
		}
		return nil
	})
	return reply, err
}
