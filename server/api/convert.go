package api

import (
	"errors"
	"strings"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// version is the version that a request asks for, or any.
func version(v *int32) int32 {
	if v == nil {
		return tree.AnyVersion
	}
	return *v
}

// create translates a creation by a session, 0 for none, and refuses what no tree would take.
func (k *Keeper) create(r *apiv1.CreateRequest, by txn.SessionID) (*tree.CreateRequest, error) {
	if k := r.GetKind(); k < 0 || k > apiv1.NodeKind_NODE_KIND_TTL {
		return nil, fault.New(fault.BadArguments, r.GetPath(), "%d is no kind of node", k)
	}
	if err := k.fits(r.GetPath(), r.Data); err != nil {
		return nil, err
	}
	req := &tree.CreateRequest{
		Path: r.GetPath(), Data: r.Data, ACL: aclOrOpen(r.GetAcl()), Kind: kindIn(r.GetKind()),
		Sequential: r.GetSequential(), TTL: r.GetTtlMs(),
	}
	if req.Kind == txn.Ephemeral {
		req.Owner = by
	}
	return req, nil
}

func deletion(r *apiv1.DeleteRequest) *tree.DeleteRequest {
	return &tree.DeleteRequest{Path: r.GetPath(), Version: version(r.Version)}
}

func (k *Keeper) set(r *apiv1.SetRequest) (*tree.SetRequest, error) {
	if err := k.fits(r.GetPath(), r.Data); err != nil {
		return nil, err
	}
	return &tree.SetRequest{Path: r.GetPath(), Data: r.Data, Version: version(r.Version)}, nil
}

// multi translates a Multi of a session, 0 for none. Its error names the operation at fault.
func (k *Keeper) multi(r *apiv1.MultiRequest, by txn.SessionID) (*tree.MultiRequest, error) {
	if n := len(r.GetOps()); n > maxOps {
		return nil, fault.New(fault.TooLarge, "", "the multi has %d operations; %d is the most", n, maxOps)
	}
	m := &tree.MultiRequest{Ops: make([]tree.Request, len(r.GetOps()))}
	for i, op := range r.GetOps() {
		var err error
		if m.Ops[i], err = k.multiOp(op, by); err != nil {
			return nil, at(i+1, err)
		}
	}
	return m, nil
}

// at notes in a refusal which operation of a Multi it is about.
func at(op int, err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		f.Op = op
	}
	return err
}

func (k *Keeper) multiOp(op *apiv1.MultiOp, by txn.SessionID) (tree.Request, error) {
	switch op := op.GetOp().(type) {
	case *apiv1.MultiOp_Create:
		return k.create(op.Create, by)
	case *apiv1.MultiOp_Delete:
		return deletion(op.Delete), nil
	case *apiv1.MultiOp_Set:
		return k.set(op.Set)
	case *apiv1.MultiOp_Check:
		return &tree.CheckRequest{Path: op.Check.GetPath(), Version: version(op.Check.Version)}, nil
	default:
		return nil, fault.New(fault.BadArguments, "", "no operation is set: want create, delete, set or check")
	}
}

func setACL(r *apiv1.SetAclRequest) *tree.SetACLRequest {
	return &tree.SetACLRequest{Path: r.GetPath(), ACL: aclIn(r.GetAcl()), Version: version(r.Version)}
}

func createdBy(reply pipeline.Reply) *apiv1.CreateResponse {
	made := reply.Results[0]
	return &apiv1.CreateResponse{Zxid: uint64(reply.Zxid), Path: made.Path, Stat: statOf(made.Stat)}
}

func resultsOf(r *apiv1.MultiRequest, reply pipeline.Reply) *apiv1.MultiResponse {
	results := make([]*apiv1.MultiResult, len(reply.Results))
	for i, res := range reply.Results {
		results[i] = resultOf(r.GetOps()[i], res)
	}
	return &apiv1.MultiResponse{Zxid: uint64(reply.Zxid), Results: results}
}

// resultOf is the outcome of one operation. Deletions and checks leave no Stat.
func resultOf(op *apiv1.MultiOp, r tree.Result) *apiv1.MultiResult {
	switch op := op.GetOp().(type) {
	case *apiv1.MultiOp_Delete:
		return &apiv1.MultiResult{Path: op.Delete.GetPath()}
	case *apiv1.MultiOp_Check:
		return &apiv1.MultiResult{Path: op.Check.GetPath()}
	default:
		return &apiv1.MultiResult{Path: r.Path, Stat: statOf(r.Stat)}
	}
}

// kindIn translates a kind. The numbers are the same by the proto files of both; a test holds them to it.
func kindIn(k apiv1.NodeKind) txn.Kind {
	if k == apiv1.NodeKind_NODE_KIND_UNSPECIFIED {
		return txn.Persistent
	}
	return txn.Kind(k)
}

// aclOrOpen is an access control list, or everybody everything if none is given.
func aclOrOpen(in []*apiv1.Ace) []txn.ACE {
	if len(in) == 0 {
		return tree.OpenACL()
	}
	return aclIn(in)
}

func aclIn(in []*apiv1.Ace) []txn.ACE {
	out := make([]txn.ACE, len(in))
	for i, e := range in {
		out[i] = txn.ACE{Perms: txn.Perms(e.GetPerms()), Scheme: e.GetScheme(), ID: e.GetId()}
	}
	return out
}

func aclOut(in []txn.ACE) []*apiv1.Ace {
	out := make([]*apiv1.Ace, len(in))
	for i, e := range in {
		out[i] = &apiv1.Ace{Perms: uint32(e.Perms), Scheme: e.Scheme, Id: e.ID}
	}
	return out
}

// identitiesOf is who a caller is, without the hashes of passwords.
func identitiesOf(c tree.Caller) *apiv1.WhoAmIResponse {
	m := &apiv1.WhoAmIResponse{}
	for _, id := range c {
		name := id.ID
		if id.Scheme == "digest" {
			name, _, _ = strings.Cut(name, ":")
		}
		m.Identities = append(m.Identities, &apiv1.Identity{Scheme: id.Scheme, Id: name})
	}
	return m
}

func statOf(s tree.Stat) *apiv1.Stat {
	return &apiv1.Stat{
		Czxid: uint64(s.Czxid), Mzxid: uint64(s.Mzxid), Pzxid: uint64(s.Pzxid),
		CtimeMs: s.Ctime, MtimeMs: s.Mtime,
		Version: s.Version, Cversion: s.Cversion, Aversion: s.Aversion,
		Owner: uint64(s.Owner), DataLength: s.DataLength, NumChildren: s.NumChildren,
		Kind: apiv1.NodeKind(s.Kind), TtlMs: s.TTL,
	}
}
