package clienttest

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"path"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// perPiece is how many nodes stand in one piece of a list: few, so that tests see several pieces.
const perPiece = 100

// update runs a change and publishes it if it is not refused.
func (f *Fake) update(ctx context.Context, do func(*change) *Refusal) (uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	st, c := streamOf(ctx), f.begin(identities(ctx))
	defer st.hold()
	if st != nil {
		c.by, c.who = st.session, append(c.who, st.who...)
	}
	if st != nil && st.session.id == 0 {
		return 0, Refusal{Reason: "READ_ONLY", Detail: "there is no quorum"}.Err()
	}
	if refusal := do(c); refusal != nil {
		return 0, refusal.Err()
	}
	if st != nil {
		st.session.last = &apiv1.LastWrite{Cxid: st.cxid, Zxid: c.zxid}
		if len(c.effects) == 1 && c.effects[0].what == apiv1.EventType_EVENT_TYPE_CREATED {
			st.session.last.Path = c.effects[0].path
		}
	}
	c.publish()
	return c.zxid, nil
}

// look runs a read on the tree as it is.
func (f *Fake) look(ctx context.Context, do func(*change) *Refusal) (uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	st, c := streamOf(ctx), &change{f: f, nodes: f.mu.nodes, zxid: f.mu.zxid + 1, who: identities(ctx)}
	defer st.hold()
	if st != nil {
		c.by, c.who = st.session, append(c.who, st.who...)
	}
	if refusal := do(c); refusal != nil {
		return 0, refusal.Err()
	}
	return f.mu.zxid, nil
}

func identities(ctx context.Context) []string {
	md, _ := metadata.FromIncomingContext(ctx)
	var who []string
	for _, claim := range md.Get("quorate-auth") {
		scheme, secret, _ := strings.Cut(claim, " ")
		if scheme == "digest" {
			secret = Digest(secret)
		}
		who = append(who, scheme+" "+secret)
	}
	return who
}

// Digest returns the id of scheme digest in an access control list that "user:password" proves to be.
func Digest(credentials string) string {
	user, _, _ := strings.Cut(credentials, ":")
	sum := sha1.Sum([]byte(credentials)) // ZooKeeper's choice
	return user + ":" + base64.StdEncoding.EncodeToString(sum[:])
}

// Create implements Keeper.
func (f *Fake) Create(ctx context.Context, r *apiv1.CreateRequest) (*apiv1.CreateResponse, error) {
	reply := &apiv1.CreateResponse{}
	zxid, err := f.update(ctx, func(c *change) *Refusal {
		p, n, refusal := c.create(r)
		if refusal == nil {
			reply.Path, reply.Stat = p, cloneStat(n.stat)
		}
		return refusal
	})
	reply.Zxid = zxid
	return reply, err
}

// Delete implements Keeper.
func (f *Fake) Delete(ctx context.Context, r *apiv1.DeleteRequest) (*apiv1.DeleteResponse, error) {
	zxid, err := f.update(ctx, func(c *change) *Refusal { return c.delete(r) })
	return &apiv1.DeleteResponse{Zxid: zxid}, err
}

// Exists implements Keeper.
func (f *Fake) Exists(ctx context.Context, r *apiv1.ExistsRequest) (*apiv1.ExistsResponse, error) {
	reply := &apiv1.ExistsResponse{}
	zxid, err := f.look(ctx, func(c *change) *Refusal {
		n, refusal := c.find(r.GetPath(), nil, 0)
		if refusal != nil && refusal.Reason != "NO_NODE" {
			return refusal
		}
		if n != nil {
			reply.Stat = cloneStat(n.stat)
		}
		streamOf(ctx).leave(r.GetWatch(), r.GetPath(), apiv1.WatchMode_WATCH_MODE_EXISTS)
		return nil
	})
	reply.Zxid = zxid
	return reply, err
}

// Get implements Keeper.
func (f *Fake) Get(ctx context.Context, r *apiv1.GetRequest) (*apiv1.GetResponse, error) {
	reply := &apiv1.GetResponse{}
	zxid, err := f.look(ctx, func(c *change) *Refusal {
		n, refusal := c.find(r.GetPath(), nil, 1)
		if refusal == nil {
			reply.Data, reply.Stat = n.data, cloneStat(n.stat)
			streamOf(ctx).leave(r.GetWatch(), r.GetPath(), apiv1.WatchMode_WATCH_MODE_DATA)
		}
		return refusal
	})
	reply.Zxid = zxid
	return reply, err
}

// Set implements Keeper.
func (f *Fake) Set(ctx context.Context, r *apiv1.SetRequest) (*apiv1.SetResponse, error) {
	reply := &apiv1.SetResponse{}
	zxid, err := f.update(ctx, func(c *change) *Refusal {
		n, refusal := c.set(r)
		if refusal == nil {
			reply.Stat = cloneStat(n.stat)
		}
		return refusal
	})
	reply.Zxid = zxid
	return reply, err
}

// List implements Keeper.
func (f *Fake) List(r *apiv1.ListRequest, s grpc.ServerStreamingServer[apiv1.ListResponse]) error {
	var entries []*apiv1.Entry
	var stat *apiv1.Stat
	zxid, err := f.look(s.Context(), func(c *change) *Refusal {
		n, refusal := c.find(r.GetPath(), nil, 1)
		if refusal != nil {
			return refusal
		}
		stat, entries = cloneStat(n.stat), c.entries(r)
		streamOf(s.Context()).leave(r.GetWatch(), r.GetPath(), apiv1.WatchMode_WATCH_MODE_CHILDREN)
		return nil
	})
	for err == nil {
		piece := entries[:min(perPiece, len(entries))]
		entries = entries[len(piece):]
		err = s.Send(&apiv1.ListResponse{Zxid: zxid, Stat: stat, Entries: piece})
		stat = nil
		if len(entries) == 0 {
			return err
		}
	}
	return err
}

func (c *change) entries(r *apiv1.ListRequest) []*apiv1.Entry {
	var entries []*apiv1.Entry
	for _, p := range c.below(r.GetPath()) {
		n := c.nodes[p]
		if !r.GetRecursive() && path.Dir(p) != r.GetPath() || !c.visible(p, r) {
			continue
		}
		e := &apiv1.Entry{Name: strings.TrimPrefix(strings.TrimPrefix(p, r.GetPath()), "/")}
		if r.GetView() >= apiv1.ListView_LIST_VIEW_STATS {
			e.Stat = cloneStat(n.stat)
		}
		if r.GetView() == apiv1.ListView_LIST_VIEW_DATA {
			e.Data = n.data
		}
		entries = append(entries, e)
	}
	return entries
}

// visible applies the rules of List: children of nodes without READ are left out, and with
// the DATA view such nodes themselves.
func (c *change) visible(p string, r *apiv1.ListRequest) bool {
	if r.GetView() == apiv1.ListView_LIST_VIEW_DATA && !allows(c.nodes[p], 1, c.who) {
		return false
	}
	for up := path.Dir(p); up != r.GetPath() && up != "/"; up = path.Dir(up) {
		if !allows(c.nodes[up], 1, c.who) {
			return false
		}
	}
	return true
}

// GetAcl implements Keeper.
func (f *Fake) GetAcl(ctx context.Context, r *apiv1.GetAclRequest) (*apiv1.GetAclResponse, error) {
	reply := &apiv1.GetAclResponse{}
	zxid, err := f.look(ctx, func(c *change) *Refusal {
		n, refusal := c.find(r.GetPath(), nil, 0)
		if refusal == nil {
			reply.Acl, reply.Stat = n.acl, cloneStat(n.stat)
		}
		return refusal
	})
	reply.Zxid = zxid
	return reply, err
}

// SetAcl implements Keeper.
func (f *Fake) SetAcl(ctx context.Context, r *apiv1.SetAclRequest) (*apiv1.SetAclResponse, error) {
	reply := &apiv1.SetAclResponse{}
	zxid, err := f.update(ctx, func(c *change) *Refusal {
		n, refusal := c.find(r.GetPath(), nil, 16)
		switch {
		case refusal != nil:
			return refusal
		case len(r.GetAcl()) == 0:
			return c.refuse("INVALID_ACL", r.GetPath(), "the list is empty")
		case r.Version != nil && r.GetVersion() != n.stat.Aversion:
			return &Refusal{Reason: "BAD_VERSION", Path: r.GetPath(), Detail: "another aversion", Version: n.stat.Aversion}
		}
		if refusal := c.checkACL(r.GetPath(), r.GetAcl()); refusal != nil {
			return refusal
		}
		n = c.edit(r.GetPath())
		n.acl = r.GetAcl()
		n.stat.Aversion++
		reply.Stat = cloneStat(n.stat)
		return nil
	})
	reply.Zxid = zxid
	return reply, err
}

// Multi implements Keeper.
func (f *Fake) Multi(ctx context.Context, r *apiv1.MultiRequest) (*apiv1.MultiResponse, error) {
	if size := proto.Size(r); f.MaxRequest > 0 && size > f.MaxRequest {
		return nil, Refusal{Reason: "TOO_LARGE", Detail: "the request is too large"}.Err()
	}
	reply := &apiv1.MultiResponse{}
	zxid, err := f.update(ctx, func(c *change) *Refusal {
		for i, op := range r.GetOps() {
			result, refusal := c.do(op)
			if refusal != nil {
				refusal.Op = i + 1
				return refusal
			}
			reply.Results = append(reply.Results, result)
		}
		return nil
	})
	reply.Zxid = zxid
	return reply, err
}

func (c *change) do(op *apiv1.MultiOp) (*apiv1.MultiResult, *Refusal) {
	switch op := op.GetOp().(type) {
	case *apiv1.MultiOp_Create:
		p, n, refusal := c.create(op.Create)
		if refusal != nil {
			return nil, refusal
		}
		return &apiv1.MultiResult{Path: p, Stat: cloneStat(n.stat)}, nil
	case *apiv1.MultiOp_Set:
		n, refusal := c.set(op.Set)
		if refusal != nil {
			return nil, refusal
		}
		return &apiv1.MultiResult{Path: op.Set.GetPath(), Stat: cloneStat(n.stat)}, nil
	case *apiv1.MultiOp_Delete:
		return &apiv1.MultiResult{Path: op.Delete.GetPath()}, c.delete(op.Delete)
	case *apiv1.MultiOp_Check:
		_, refusal := c.find(op.Check.GetPath(), op.Check.Version, 1)
		return &apiv1.MultiResult{Path: op.Check.GetPath()}, refusal
	}
	return nil, c.refuse("BAD_ARGUMENTS", "", "an operation is empty")
}

// Sync implements Keeper.
func (f *Fake) Sync(ctx context.Context, _ *apiv1.SyncRequest) (*apiv1.SyncResponse, error) {
	zxid, err := f.look(ctx, func(*change) *Refusal { return nil })
	return &apiv1.SyncResponse{Zxid: zxid}, err
}
