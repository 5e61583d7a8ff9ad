package tree

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/txn"
)

// Prepare checks a request against this state and resolves it into an operation
// that [Draft.Apply] can apply to this same state. It changes nothing. The operation
// aliases the request. It is nil for a request that leaves no txn.
//
// What is wrong comes as a *fault.Error with the state's zxid in it. The order of
// the checks is that of ZooKeeper's PrepRequestProcessor, since clients see which
// one fails first: session and arguments, path, access control list, permission,
// then the node's own state.
func (s *state) Prepare(req Request, who Caller, lim Limits) (txn.Op, error) {
	op, err := s.prepare(req, who, lim)
	if err == nil && op != nil && lim.MaxRecord > 0 {
		if size := txn.OpSize(op); size > lim.MaxRecord {
			err = fault.New(fault.TooLarge, "", "the request takes %d bytes in the log, the limit is %d", size, lim.MaxRecord)
		}
	}
	if err != nil {
		var refused *fault.Error
		if errors.As(err, &refused) {
			refused.Zxid = s.zxid
		}
		return nil, err
	}
	return op, nil
}

func (s *state) prepare(req Request, who Caller, lim Limits) (txn.Op, error) {
	switch req := req.(type) {
	case *MultiRequest:
		return s.prepareMulti(req, who, lim)
	case *CheckRequest:
		_, err := s.prepareCheck(req, who)
		return &txn.Multi{}, err
	case *CreateSessionRequest:
		return s.prepareCreateSession(req)
	case *CloseSessionRequest:
		if _, open := s.sessions.Get(req.Session); !open {
			return nil, noSession(req.Session)
		}
		return &req.CloseSession, nil
	case *AttachRequest:
		return nil, s.checkAttach(req)
	case *SweepRequest:
		return s.prepareSweep(req)
	case *MembershipRequest:
		return &req.Membership, checkMembership(&req.Membership)
	}
	return s.prepareNode(req, who, lim)
}

// prepareNode prepares what a Multi may hold and what leaves a txn behind.
func (s *state) prepareNode(req Request, who Caller, lim Limits) (txn.Op, error) {
	switch req := req.(type) {
	case *CreateRequest:
		return s.prepareCreate(req, who, lim)
	case *DeleteRequest:
		return s.prepareDelete(req, who)
	case *SetRequest:
		return s.prepareSet(req, who, lim)
	case *SetACLRequest:
		return s.prepareSetACL(req, who)
	}
	return nil, fault.New(fault.BadArguments, "", "a %T has no place here", req)
}

func (s *state) prepareCreate(req *CreateRequest, who Caller, lim Limits) (txn.Op, error) {
	if err := s.checkCreate(req, lim); err != nil {
		return nil, err
	}
	acl, err := resolveACL(req.Path, req.ACL, who)
	if err != nil {
		return nil, err
	}
	above := Parent(req.Path)
	parent, ok := s.item(above)
	if !ok {
		return nil, fault.New(fault.NoParent, above, "the parent does not exist")
	}
	if err := s.permit(parent, above, txn.MayCreate, who); err != nil {
		return nil, err
	}
	path := req.Path
	if req.Sequential {
		path = fmt.Sprintf("%s%010d", path, parent.created())
	}
	if _, exists := s.item(path); exists {
		return nil, fault.New(fault.NodeExists, path, "the node exists")
	}
	if isEphemeral(parent) {
		return nil, fault.New(fault.EphemeralParent, above, "an ephemeral node has no children")
	}
	if err := s.checkQuota(path, 1, int64(len(req.Data)), lim); err != nil {
		return nil, err
	}
	return &txn.Create{Path: path, Data: req.Data, ACL: acl, Kind: max(req.Kind, txn.Persistent), Owner: req.Owner, TTL: req.TTL}, nil
}

// checkCreate checks what can be said of a creation without its parent.
func (s *state) checkCreate(req *CreateRequest, lim Limits) error {
	path := req.Path
	switch {
	case req.Kind > txn.TTL:
		return fault.New(fault.BadArguments, path, "kind %d is no kind of node", req.Kind)
	case req.Kind == txn.TTL && (req.TTL < 1 || req.TTL > txn.MaxTTL):
		return fault.New(fault.BadArguments, path, "the time to live is %d ms, want 1 to %d", req.TTL, txn.MaxTTL)
	case req.Kind != txn.TTL && req.TTL != 0:
		return fault.New(fault.BadArguments, path, "a time to live is for nodes of kind TTL")
	case req.Kind == txn.Ephemeral && req.Owner == 0:
		return fault.New(fault.BadArguments, path, "an ephemeral node needs a session")
	case req.Kind != txn.Ephemeral && req.Owner != 0:
		return fault.New(fault.BadArguments, path, "an owner is for ephemeral nodes")
	}
	if _, open := s.sessions.Get(req.Owner); req.Owner != 0 && !open {
		return noSession(req.Owner)
	}
	full := path
	if req.Sequential {
		full += "1"
	}
	if err := ValidatePath(full); err != nil {
		return err
	}
	if full == rootPath {
		return fault.New(fault.NodeExists, path, "the root exists")
	}
	if reserved(full) {
		return fault.New(fault.BadArguments, path, "this part of the tree belongs to the server")
	}
	return checkData(path, req.Data, lim)
}

func (s *state) prepareDelete(req *DeleteRequest, who Caller) (txn.Op, error) {
	if err := ValidatePath(req.Path); err != nil {
		return nil, err
	}
	if reserved(req.Path) {
		return nil, fault.New(fault.BadArguments, req.Path, "this node belongs to the server")
	}
	above := Parent(req.Path)
	parent, ok := s.item(above)
	if !ok {
		return nil, noNode(req.Path)
	}
	if err := s.permit(parent, above, txn.MayDelete, who); err != nil {
		return nil, err
	}
	it, ok := s.item(req.Path)
	if !ok {
		return nil, noNode(req.Path)
	}
	r := decode(it.block)
	if err := checkVersion(req.Path, "version", r.version, req.Version); err != nil {
		return nil, err
	}
	if it.children() > 0 {
		return nil, fault.New(fault.NotEmpty, req.Path, "the node has %d children", it.children())
	}
	return &txn.Delete{Path: req.Path}, nil
}

func (s *state) prepareSet(req *SetRequest, who Caller, lim Limits) (txn.Op, error) {
	if err := ValidatePath(req.Path); err != nil {
		return nil, err
	}
	if req.Path == configPath {
		return nil, fault.New(fault.BadArguments, req.Path, "the membership is changed by the server alone")
	}
	if err := checkData(req.Path, req.Data, lim); err != nil {
		return nil, err
	}
	r, err := s.permitted(req.Path, txn.MayWrite, who)
	if err != nil {
		return nil, err
	}
	if err := s.checkQuota(req.Path, 0, int64(len(req.Data)-len(r.data)), lim); err != nil {
		return nil, err
	}
	if err := checkVersion(req.Path, "version", r.version, req.Version); err != nil {
		return nil, err
	}
	return &txn.SetData{Path: req.Path, Data: req.Data}, nil
}

func (s *state) prepareSetACL(req *SetACLRequest, who Caller) (txn.Op, error) {
	if err := ValidatePath(req.Path); err != nil {
		return nil, err
	}
	acl, err := resolveACL(req.Path, req.ACL, who)
	if err != nil {
		return nil, err
	}
	r, err := s.permitted(req.Path, txn.MayAdmin, who)
	if err != nil {
		return nil, err
	}
	if err := checkVersion(req.Path, "aversion", r.aversion, req.Version); err != nil {
		return nil, err
	}
	return &txn.SetACL{Path: req.Path, ACL: acl}, nil
}

func (s *state) prepareCheck(req *CheckRequest, who Caller) (txn.Op, error) {
	if err := ValidatePath(req.Path); err != nil {
		return nil, err
	}
	r, err := s.permitted(req.Path, txn.MayRead, who)
	if err != nil {
		return nil, err
	}
	return nil, checkVersion(req.Path, "version", r.version, req.Version)
}

// prepareMulti prepares each request against a scratch copy on which those before
// it were applied. The copy is dropped: nothing is rolled back, because nothing was done.
func (s *state) prepareMulti(req *MultiRequest, who Caller, lim Limits) (txn.Op, error) {
	multi := &txn.Multi{Ops: make([]txn.Op, 0, len(req.Ops))}
	scratch := Draft{state: *s}
	scratch.nodes.leave() // s may be a draft in the middle of its moment, and go on in it
	h := txn.Header{Zxid: s.zxid + 1, Time: s.time}
	for i, sub := range req.Ops {
		var op txn.Op
		var err error
		if check, ok := sub.(*CheckRequest); ok {
			op, err = scratch.prepareCheck(check, who)
		} else {
			op, err = scratch.prepareNode(sub, who, lim)
		}
		if err != nil {
			var refused *fault.Error
			if errors.As(err, &refused) {
				refused.Op = i + 1
			}
			return nil, err
		}
		if op == nil {
			continue
		}
		err = scratch.applyOp(&h, op, nil)
		assert(err == nil, "operation %d was prepared, and fails: %v", i+1, err)
		multi.Ops = append(multi.Ops, op)
	}
	return multi, nil
}

func (s *state) prepareCreateSession(req *CreateSessionRequest) (txn.Op, error) {
	switch _, open := s.sessions.Get(req.Session); {
	case req.Session == 0 || !req.Session.Server().Valid():
		return nil, fault.New(fault.BadArguments, "", "%v is no session id", req.Session)
	case open:
		return nil, fault.New(fault.BadArguments, "", "session %v is open already", req.Session)
	case req.Timeout <= 0:
		return nil, fault.New(fault.BadArguments, "", "session timeout of %d ms", req.Timeout)
	}
	return &req.CreateSession, nil
}

// checkAttach tells who has the wrong secret no more than who has the wrong session.
func (s *state) checkAttach(req *AttachRequest) error {
	session, open := s.sessions.Get(req.Session)
	if !open || session.token == "" || subtle.ConstantTimeCompare([]byte(session.token), req.TokenHash) == 0 {
		return noSession(req.Session)
	}
	return nil
}

// checkMembership checks that members have distinct ids in ascending order.
func checkMembership(m *txn.Membership) error {
	var last txn.ServerID
	for _, member := range m.Members {
		switch {
		case !member.ID.Valid() || member.ID <= last:
			return fault.New(fault.BadArguments, configPath, "server ids are %d to %d, ascending; %d came after %d", txn.MinServerID, txn.MaxServerID, member.ID, last)
		case member.Role > txn.Observer:
			return fault.New(fault.BadArguments, configPath, "server %d has role %d", member.ID, member.Role)
		case !utf8.ValidString(member.Address) || strings.ContainsAny(member.Address, ";\n"):
			return fault.New(fault.BadArguments, configPath, "server %d has address %q", member.ID, member.Address)
		}
		last = member.ID
	}
	return nil
}

// permit refuses who lacks a permission on the node it.
func (s *state) permit(it item, path string, want txn.Perms, who Caller) error {
	r := decode(it.block)
	if r.acl == openID || Allowed(s.acls.get(r.acl).entries, want, who) {
		return nil
	}
	return fault.New(fault.NoAuth, path, "the caller lacks the permission %s", permName(want))
}

// permitted returns the node at path if the caller has a permission on it.
func (s *state) permitted(path string, want txn.Perms, who Caller) (record, error) {
	it, ok := s.item(path)
	if !ok {
		return record{}, noNode(path)
	}
	return decode(it.block), s.permit(it, path, want, who)
}

func permName(p txn.Perms) string {
	switch p {
	case txn.MayRead:
		return "READ"
	case txn.MayWrite:
		return "WRITE"
	case txn.MayCreate:
		return "CREATE"
	case txn.MayDelete:
		return "DELETE"
	case txn.MayAdmin:
		return "ADMIN"
	}
	return fmt.Sprintf("%d", p)
}

// checkVersion refuses a request that expects another version than the actual one.
func checkVersion(path, name string, actual, expected int32) error {
	if expected == AnyVersion || expected == actual {
		return nil
	}
	err := fault.New(fault.BadVersion, path, "%s is %d, the request expects %d", name, actual, expected)
	err.Version = actual
	return err
}

func checkData(path string, data []byte, lim Limits) error {
	if limit := lim.maxData(); len(data) > limit {
		return fault.New(fault.TooLarge, path, "the value has %d bytes, the limit is %d", len(data), limit)
	}
	return nil
}

func noNode(path string) error { return fault.New(fault.NoNode, path, "the node does not exist") }

func noSession(id txn.SessionID) error {
	return fault.New(fault.NoSession, "", "session %v does not exist or has expired", id)
}

// isEphemeral tells whether it is an ephemeral node.
func isEphemeral(it item) bool {
	r := decode(it.block)
	return r.kind == txn.Ephemeral
}
