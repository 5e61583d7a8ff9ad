package txn_test

import (
	"math/rand/v2"

	txnv1 "github.com/quorate/quorate/gen/quorate/txn/v1"
	"github.com/quorate/quorate/store/txn"
)

// randomTxn returns a txn in which every field is sometimes zero and sometimes extreme.
func randomTxn(rng *rand.Rand) *txn.Txn {
	t := &txn.Txn{Header: txn.Header{
		Zxid: txn.Zxid(number(rng)) | 1, Time: int64(number(rng)), Session: txn.SessionID(number(rng)), Cxid: int64(number(rng)),
		Author: text(rng), Committed: txn.Zxid(number(rng)), Digest: number(rng),
	}}
	switch rng.IntN(8) {
	case 0:
		multi := &txn.Multi{}
		for range rng.IntN(4) {
			multi.Ops = append(multi.Ops, randomNodeOp(rng))
		}
		t.Op = multi
	case 1:
		t.Op = &txn.CreateSession{Session: txn.SessionID(number(rng)) | 1, Timeout: int64(number(rng)), TokenHash: []byte("0123456789")}
	case 2:
		t.Op = &txn.CloseSession{Session: txn.SessionID(number(rng)) | 1}
	case 3:
		t.Op = randomMembership(rng)
	default:
		t.Op = randomNodeOp(rng)
	}
	return t
}

func randomMembership(rng *rand.Rand) *txn.Membership {
	m := &txn.Membership{Ensemble: txn.EnsembleID(number(rng))}
	for range rng.IntN(4) {
		m.Members = append(m.Members, txn.Member{
			ID: txn.ServerID(1 + rng.IntN(253)), Address: text(rng), Role: txn.Role(rng.IntN(3)), Storage: txn.StorageID(number(rng)),
		})
	}
	return m
}

func randomNodeOp(rng *rand.Rand) txn.Op {
	path := "/" + text(rng)
	switch rng.IntN(4) {
	case 0:
		return &txn.Delete{Path: path}
	case 1:
		return &txn.SetData{Path: path, Data: data(rng)}
	case 2:
		return &txn.SetACL{Path: path, ACL: randomACL(rng)}
	}
	return &txn.Create{
		Path: path, Data: data(rng), ACL: randomACL(rng), Kind: txn.Kind(rng.IntN(5)),
		Owner: txn.SessionID(number(rng)), TTL: int64(number(rng)) & txn.MaxTTL,
	}
}

func randomACL(rng *rand.Rand) []txn.ACE {
	var acl []txn.ACE
	for range 1 + rng.IntN(3) {
		acl = append(acl, txn.ACE{Perms: txn.Perms(1 + rng.IntN(31)), Scheme: text(rng), ID: text(rng)})
	}
	return acl
}

func number(rng *rand.Rand) uint64 {
	switch rng.IntN(4) {
	case 0:
		return 0
	case 1:
		return rng.Uint64N(200)
	}
	return rng.Uint64() >> rng.IntN(64)
}

func text(rng *rand.Rand) string {
	return []string{"", "a", "über", "a/b/c", string(make([]byte, 200))}[rng.IntN(5)]
}

func data(rng *rand.Rand) []byte {
	return [][]byte{nil, {}, {0}, make([]byte, 300)}[rng.IntN(4)]
}

// toProto says the same with the generated types.
func toProto(t *txn.Txn) *txnv1.Txn {
	p := &txnv1.Txn{
		Zxid: uint64(t.Zxid), TimeMs: t.Time, Session: uint64(t.Session), Cxid: t.Cxid,
		Author: t.Author, Committed: uint64(t.Committed), Digest: t.Digest,
	}
	switch op := t.Op.(type) {
	case *txn.Create:
		p.Op = &txnv1.Txn_Create{Create: createToProto(op)}
	case *txn.Delete:
		p.Op = &txnv1.Txn_Delete{Delete: &txnv1.Delete{Path: op.Path}}
	case *txn.SetData:
		p.Op = &txnv1.Txn_SetData{SetData: &txnv1.SetData{Path: op.Path, Data: op.Data}}
	case *txn.SetACL:
		p.Op = &txnv1.Txn_SetAcl{SetAcl: &txnv1.SetAcl{Path: op.Path, Acl: aclToProto(op.ACL)}}
	case *txn.Multi:
		p.Op = &txnv1.Txn_Multi{Multi: multiToProto(op)}
	case *txn.CreateSession:
		p.Op = &txnv1.Txn_CreateSession{CreateSession: &txnv1.CreateSession{Session: uint64(op.Session), TimeoutMs: op.Timeout, TokenHash: op.TokenHash}}
	case *txn.CloseSession:
		p.Op = &txnv1.Txn_CloseSession{CloseSession: &txnv1.CloseSession{Session: uint64(op.Session)}}
	case *txn.Membership:
		m := &txnv1.Membership{Ensemble: uint64(op.Ensemble)}
		for _, e := range op.Members {
			m.Members = append(m.Members, &txnv1.Member{Id: uint32(e.ID), Address: e.Address, Role: txnv1.Role(e.Role), Storage: uint64(e.Storage)})
		}
		p.Op = &txnv1.Txn_Membership{Membership: m}
	}
	return p
}

func createToProto(c *txn.Create) *txnv1.Create {
	return &txnv1.Create{Path: c.Path, Data: c.Data, Acl: aclToProto(c.ACL), Kind: txnv1.NodeKind(c.Kind), Owner: uint64(c.Owner), TtlMs: c.TTL}
}

func aclToProto(acl []txn.ACE) (p []*txnv1.Ace) {
	for _, e := range acl {
		p = append(p, &txnv1.Ace{Perms: uint32(e.Perms), Scheme: e.Scheme, Id: e.ID})
	}
	return p
}

func multiToProto(m *txn.Multi) *txnv1.Multi {
	p := &txnv1.Multi{}
	for _, op := range m.Ops {
		o := &txnv1.MultiOp{}
		switch op := op.(type) {
		case *txn.Create:
			o.Op = &txnv1.MultiOp_Create{Create: createToProto(op)}
		case *txn.Delete:
			o.Op = &txnv1.MultiOp_Delete{Delete: &txnv1.Delete{Path: op.Path}}
		case *txn.SetData:
			o.Op = &txnv1.MultiOp_SetData{SetData: &txnv1.SetData{Path: op.Path, Data: op.Data}}
		case *txn.SetACL:
			o.Op = &txnv1.MultiOp_SetAcl{SetAcl: &txnv1.SetAcl{Path: op.Path, Acl: aclToProto(op.ACL)}}
		}
		p.Ops = append(p.Ops, o)
	}
	return p
}
