package peer

import (
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/durationpb"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	txnv1 "github.com/quorate/quorate/gen/quorate/txn/v1"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// encodeRequest returns r as it goes to the leader, without its number. The protocol's
// strings are UTF-8: what is not is judged here as the leader would. An error is a
// *fault.Error, and the request goes nowhere.
func encodeRequest(r Request) (*quorumv1.Request, error) {
	op, err := encodeOperation(r.Op)
	if err != nil {
		return nil, err
	}
	return &quorumv1.Request{
		Session: uint64(r.Session), Cxid: r.Cxid, Attached: r.Attached, Author: utf8Of(r.Author),
		Identities: encodeCaller(r.Caller), Operation: op,
	}, nil
}

// The most that an operation, an identity or an entry of an access control list takes in a
// message beside its strings and data: tags, lengths, numbers.
const (
	requestWeight   = 64
	operationWeight = 48
	entryWeight     = 20
)

// Weight returns what the request takes in a message to the leader, in bytes, at most: it
// is an estimate, and cheap.
func (r *Request) Weight() int {
	sum := requestWeight + len(r.Author) + weigh(r.Op)
	for _, id := range r.Caller {
		sum += entryWeight + len(id.Scheme) + len(id.ID)
	}
	return sum
}

func weigh(op tree.Request) int {
	const w = operationWeight
	switch op := op.(type) {
	case *tree.CreateRequest:
		return w + len(op.Path) + len(op.Data) + weighACL(op.ACL)
	case *tree.DeleteRequest:
		return w + len(op.Path)
	case *tree.SetRequest:
		return w + len(op.Path) + len(op.Data)
	case *tree.SetACLRequest:
		return w + len(op.Path) + weighACL(op.ACL)
	case *tree.CheckRequest:
		return w + len(op.Path)
	case *tree.CreateSessionRequest:
		return w + len(op.TokenHash)
	case *tree.AttachRequest:
		return w + len(op.TokenHash)
	case *tree.MultiRequest:
		sum := w
		for _, sub := range op.Ops {
			sum += weigh(sub)
		}
		return sum
	}
	return w
}

func weighACL(acl []txn.ACE) int {
	sum := 0
	for i := range acl {
		sum += entryWeight + len(acl[i].Scheme) + len(acl[i].ID)
	}
	return sum
}

// utf8Of replaces bytes that are not UTF-8 by U+FFFD.
func utf8Of(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// pathOf ends a path that is not UTF-8 where it is not, with U+FFFD: the tree refuses that and
// these bytes alike, and at the same place.
func pathOf(s string) string {
	if i := strings.IndexRune(s, utf8.RuneError); i >= 0 {
		return s[:i] + "\uFFFD"
	}
	return s
}

// encodeCaller leaves out an identity that is not UTF-8, which no access control list
// can name, unless its scheme alone is what counts.
func encodeCaller(who tree.Caller) []*quorumv1.Identity {
	var said []*quorumv1.Identity
	for _, id := range who {
		if utf8.ValidString(id.Scheme) && (utf8.ValidString(id.ID) || id.Scheme == tree.Super()[0].Scheme) {
			said = append(said, &quorumv1.Identity{Scheme: id.Scheme, Id: utf8Of(id.ID)})
		}
	}
	return said
}

func encodeOperation(req tree.Request) (*quorumv1.Operation, error) {
	switch req := req.(type) {
	case *tree.MultiRequest:
		return encodeMulti(req)
	case *tree.CreateSessionRequest:
		return &quorumv1.Operation{Op: &quorumv1.Operation_CreateSession{CreateSession: &txnv1.CreateSession{
			Session: uint64(req.Session), TimeoutMs: req.Timeout, TokenHash: req.TokenHash,
		}}}, nil
	case *tree.CloseSessionRequest:
		return &quorumv1.Operation{Op: &quorumv1.Operation_CloseSession{CloseSession: &txnv1.CloseSession{
			Session: uint64(req.Session),
		}}}, nil
	}
	return encodeNodeOperation(req)
}

func encodeMulti(req *tree.MultiRequest) (*quorumv1.Operation, error) {
	multi := &quorumv1.MultiOperation{Ops: make([]*quorumv1.Operation, len(req.Ops))}
	for i, sub := range req.Ops {
		var err error
		if multi.Ops[i], err = encodeNodeOperation(sub); err != nil {
			return nil, inMulti(i, err)
		}
	}
	return &quorumv1.Operation{Op: &quorumv1.Operation_Multi{Multi: multi}}, nil
}

// inMulti notes which operation of a Multi, counted from 0, is at fault.
func inMulti(i int, err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		f.Op = i + 1
	}
	return err
}

// encodeNodeOperation encodes what a Multi may hold.
func encodeNodeOperation(req tree.Request) (*quorumv1.Operation, error) {
	switch req := req.(type) {
	case *tree.CreateRequest:
		acl, err := encodeACL(req.Path, req.ACL)
		return &quorumv1.Operation{Op: &quorumv1.Operation_Create{Create: &quorumv1.CreateOperation{
			Path: pathOf(req.Path), Data: req.Data, Acl: acl, Kind: txnv1.NodeKind(req.Kind),
			Sequential: req.Sequential, TtlMs: req.TTL, Owner: uint64(req.Owner),
		}}}, err
	case *tree.DeleteRequest:
		return &quorumv1.Operation{Op: &quorumv1.Operation_Delete{Delete: &quorumv1.DeleteOperation{
			Path: pathOf(req.Path), Version: req.Version,
		}}}, nil
	case *tree.SetRequest:
		return &quorumv1.Operation{Op: &quorumv1.Operation_SetData{SetData: &quorumv1.SetDataOperation{
			Path: pathOf(req.Path), Data: req.Data, Version: req.Version,
		}}}, nil
	case *tree.SetACLRequest:
		acl, err := encodeACL(req.Path, req.ACL)
		return &quorumv1.Operation{Op: &quorumv1.Operation_SetAcl{SetAcl: &quorumv1.SetAclOperation{
			Path: pathOf(req.Path), Acl: acl, Version: req.Version,
		}}}, err
	case *tree.CheckRequest:
		return &quorumv1.Operation{Op: &quorumv1.Operation_Check{Check: &quorumv1.CheckOperation{
			Path: pathOf(req.Path), Version: req.Version,
		}}}, nil
	}
	return nil, fault.New(fault.BadArguments, "", "a %T has no place here", req)
}

// encodeACL refuses an id that is not UTF-8, as the tree does. The path is for the error alone.
func encodeACL(path string, acl []txn.ACE) ([]*txnv1.Ace, error) {
	said := make([]*txnv1.Ace, len(acl))
	for i, e := range acl {
		if !utf8.ValidString(e.Scheme) || !utf8.ValidString(e.ID) {
			return nil, fault.New(fault.InvalidACL, path, "entry %q:%q: it is not UTF-8", e.Scheme, e.ID)
		}
		said[i] = &txnv1.Ace{Perms: uint32(e.Perms), Scheme: e.Scheme, Id: e.ID}
	}
	return said, nil
}

// decodeRequest returns the request of a learner. Its data is the message's. What it
// asks for is judged when it is prepared; an error here, a *fault.Error, says that this
// release does not know it, or that it makes no sense.
func decodeRequest(m *quorumv1.Request) (Request, error) {
	op, err := decodeOperation(m.GetOperation())
	if err != nil {
		return Request{}, err
	}
	r := Request{Op: op, Author: m.GetAuthor(), Session: txn.SessionID(m.GetSession()), Cxid: m.GetCxid(), Attached: m.GetAttached()}
	for _, id := range m.GetIdentities() {
		r.Caller = append(r.Caller, tree.ID{Scheme: id.GetScheme(), ID: id.GetId()})
	}
	return r, nil
}

func decodeOperation(m *quorumv1.Operation) (tree.Request, error) {
	switch op := m.GetOp().(type) {
	case *quorumv1.Operation_Multi:
		return decodeMulti(op.Multi)
	case *quorumv1.Operation_CreateSession:
		s := op.CreateSession
		return &tree.CreateSessionRequest{CreateSession: txn.CreateSession{
			Session: txn.SessionID(s.GetSession()), Timeout: s.GetTimeoutMs(), TokenHash: s.GetTokenHash(),
		}}, nil
	case *quorumv1.Operation_CloseSession:
		return &tree.CloseSessionRequest{CloseSession: txn.CloseSession{
			Session: txn.SessionID(op.CloseSession.GetSession()),
		}}, nil
	}
	return decodeNodeOperation(m)
}

// decodeMulti takes what a Multi may hold; another Multi is not among it.
func decodeMulti(m *quorumv1.MultiOperation) (tree.Request, error) {
	multi := &tree.MultiRequest{Ops: make([]tree.Request, len(m.GetOps()))}
	for i, op := range m.GetOps() {
		var err error
		if multi.Ops[i], err = decodeNodeOperation(op); err != nil {
			return nil, inMulti(i, err)
		}
	}
	return multi, nil
}

func decodeNodeOperation(m *quorumv1.Operation) (tree.Request, error) {
	switch op := m.GetOp().(type) {
	case *quorumv1.Operation_Create:
		return decodeCreate(op.Create)
	case *quorumv1.Operation_Delete:
		return &tree.DeleteRequest{Path: op.Delete.GetPath(), Version: op.Delete.GetVersion()}, nil
	case *quorumv1.Operation_SetData:
		return &tree.SetRequest{Path: op.SetData.GetPath(), Data: op.SetData.GetData(), Version: op.SetData.GetVersion()}, nil
	case *quorumv1.Operation_SetAcl:
		return &tree.SetACLRequest{Path: op.SetAcl.GetPath(), ACL: decodeACL(op.SetAcl.GetAcl()), Version: op.SetAcl.GetVersion()}, nil
	case *quorumv1.Operation_Check:
		return &tree.CheckRequest{Path: op.Check.GetPath(), Version: op.Check.GetVersion()}, nil
	case nil:
		return nil, fault.New(fault.BadArguments, "", "the leader does not know this operation")
	}
	return nil, fault.New(fault.BadArguments, "", "a %T has no place here", m.GetOp())
}

func decodeCreate(m *quorumv1.CreateOperation) (tree.Request, error) {
	kind, ok := decodeKind(m.GetKind())
	if !ok {
		return nil, fault.New(fault.BadArguments, m.GetPath(), "the leader does not know kind %d of nodes", m.GetKind())
	}
	return &tree.CreateRequest{
		Path: m.GetPath(), Data: m.GetData(), ACL: decodeACL(m.GetAcl()), Kind: kind,
		Sequential: m.GetSequential(), TTL: m.GetTtlMs(), Owner: txn.SessionID(m.GetOwner()),
	}, nil
}

func decodeACL(said []*txnv1.Ace) []txn.ACE {
	acl := make([]txn.ACE, len(said))
	for i, e := range said {
		acl[i] = txn.ACE{Perms: txn.Perms(e.GetPerms()), Scheme: e.GetScheme(), ID: e.GetId()}
	}
	return acl
}

// decodeKind tells whether this release knows the kind. The numbers are the proto file's.
func decodeKind(k txnv1.NodeKind) (txn.Kind, bool) {
	if k < 0 || k > txnv1.NodeKind(txn.TTL) {
		return 0, false
	}
	return txn.Kind(k), true
}

// encodeReply returns the answer to a learner's request: what became of it at the zxid
// at, or why it was refused on the tip at. The fault's cause becomes words of its detail.
func encodeReply(id uint64, r Reply, at txn.Zxid, err error) *quorumv1.Reply {
	m := &quorumv1.Reply{Id: id, AtZxid: uint64(at)}
	if err != nil {
		m.Fault = encodeFault(err)
		return m
	}
	m.Results = make([]*quorumv1.Result, len(r.Results))
	for i := range r.Results {
		m.Results[i] = encodeResult(&r.Results[i])
	}
	return m
}

func encodeResult(r *tree.Result) *quorumv1.Result {
	m := &quorumv1.Result{Path: r.Path}
	if s := &r.Stat; *s != (tree.Stat{}) {
		m.Stat = &quorumv1.Stat{
			Czxid: uint64(s.Czxid), Mzxid: uint64(s.Mzxid), Pzxid: uint64(s.Pzxid), CtimeMs: s.Ctime, MtimeMs: s.Mtime,
			Version: s.Version, Cversion: s.Cversion, Aversion: s.Aversion, EphemeralOwner: uint64(s.Owner),
			DataLength: s.DataLength, NumChildren: s.NumChildren, Kind: txnv1.NodeKind(s.Kind), TtlMs: s.TTL,
		}
	}
	return m
}

// encodeFault returns an error that is no refusal as an internal one.
func encodeFault(err error) *quorumv1.Fault {
	f := new(fault.Error)
	if !errors.As(err, &f) {
		return &quorumv1.Fault{Kind: fault.Internal.String(), Detail: utf8Of(err.Error())}
	}
	m := &quorumv1.Fault{
		Kind: f.Kind.String(), Path: utf8Of(f.Path), Detail: utf8Of(detailOf(f)),
		Version: f.Version, Op: int32(f.Op),
	}
	if f.RetryAfter > 0 {
		m.RetryAfter = durationpb.New(f.RetryAfter)
	}
	return m
}

// detailOf is the fault's detail and cause, as Error has them.
func detailOf(f *fault.Error) string {
	said := *f
	said.Path, said.Op = "", 0
	if said.Detail == "" && said.Cause == nil {
		return ""
	}
	return said.Error()
}

// decodeReply returns the leader's answer. An error is a *fault.Error with the reply's zxid:
// the leader's refusal, or Unknown if the answer makes no sense.
func decodeReply(m *quorumv1.Reply) (Reply, error) {
	at := txn.Zxid(m.GetAtZxid())
	if m.GetFault() != nil {
		return Reply{}, decodeFault(m.GetFault(), at)
	}
	r := Reply{Zxid: at, Results: make([]tree.Result, len(m.GetResults()))}
	for i, said := range m.GetResults() {
		kind, ok := decodeKind(said.GetStat().GetKind())
		if !ok {
			return Reply{}, &fault.Error{Kind: fault.Unknown, Zxid: at, Detail: "this server does not understand the leader's answer"}
		}
		r.Results[i] = tree.Result{Path: said.GetPath(), Stat: decodeStat(said.GetStat(), kind)}
	}
	return r, nil
}

func decodeStat(s *quorumv1.Stat, kind txn.Kind) tree.Stat {
	return tree.Stat{
		Czxid: txn.Zxid(s.GetCzxid()), Mzxid: txn.Zxid(s.GetMzxid()), Pzxid: txn.Zxid(s.GetPzxid()),
		Ctime: s.GetCtimeMs(), Mtime: s.GetMtimeMs(),
		Version: s.GetVersion(), Cversion: s.GetCversion(), Aversion: s.GetAversion(), Owner: txn.SessionID(s.GetEphemeralOwner()),
		DataLength: s.GetDataLength(), NumChildren: s.GetNumChildren(), Kind: kind, TTL: s.GetTtlMs(),
	}
}

// decodeFault makes a kind that this release does not know an internal fault, and leaves
// out numbers that cannot be.
func decodeFault(m *quorumv1.Fault, at txn.Zxid) *fault.Error {
	return &fault.Error{
		Kind: decodeFaultKind(m.GetKind()), Path: m.GetPath(), Detail: m.GetDetail(), Zxid: at,
		Version: m.GetVersion(), Op: int(max(m.GetOp(), 0)), RetryAfter: decodeWait(m.GetRetryAfter()),
	}
}

func decodeFaultKind(name string) fault.Kind {
	for _, k := range fault.Kinds() {
		if k.String() == name {
			return k
		}
	}
	return fault.Internal
}

// decodeWait returns a time to wait; 0 for none or for what is no time.
func decodeWait(d *durationpb.Duration) time.Duration {
	if d.CheckValid() != nil {
		return 0
	}
	return max(d.AsDuration(), 0)
}
