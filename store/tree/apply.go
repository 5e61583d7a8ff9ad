package tree

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"github.com/quorate/quorate/store/txn"
)

// ErrMismatch is in the chain of every error of [Draft.ApplyChecked].
var ErrMismatch = errors.New("the txn does not fit the tree")

// EffectKind says what happened to a node.
type EffectKind uint8

// The kinds of effects.
const (
	Created EffectKind = iota + 1
	Deleted
	DataChanged
)

// String returns the kind in lower case.
func (k EffectKind) String() string {
	switch k {
	case Created:
		return "created"
	case Deleted:
		return "deleted"
	case DataChanged:
		return "changed"
	}
	return fmt.Sprintf("effect %d", uint8(k))
}

// Effect is what watches need to know of a change of a node. It does not alias the txn.
type Effect struct {
	Kind EffectKind
	// Path is the node's path.
	Path string
	// Node is the node as the change left it; zero for Deleted. It may be kept: nothing but its own block stays alive by it.
	Node Node
	// ACL is the node's access control list then; never nil.
	ACL *ACL
}

// Result is what became of one operation of a txn.
type Result struct {
	// Path is the node's path; empty for an operation on no node.
	Path string
	// Stat is the node's after the operation; zero if there is none, as after a deletion.
	Stat Stat
}

// Outcome is what a txn did.
type Outcome struct {
	// Effects are the changes of nodes in the order in which they happened. A change
	// of an access control list is none.
	Effects []Effect
	// Results has one entry for each operation of a Multi, one for any other txn.
	Results []Result
	// Closed is the session that the txn closed; 0 if it closed none.
	Closed txn.SessionID
	// SoftQuota names the paths whose soft quota this txn left exceeded.
	SoftQuota []string
}

// add adds an effect and a result. The first of both, mostly the only ones, share an allocation.
func (o *Outcome) add(e Effect, r Result) {
	if o.Effects == nil && o.Results == nil {
		first := &struct {
			effects [1]Effect
			results [1]Result
		}{[1]Effect{e}, [1]Result{r}}
		o.Effects, o.Results = first.effects[:], first.results[:]
		return
	}
	o.Effects = append(o.Effects, e)
	o.Results = append(o.Results, r)
}

// Apply applies a txn that was prepared against this very state. It panics if the
// txn does not fit, since that is a fault of the program: txns that come from
// elsewhere are for [Draft.ApplyChecked]. Nothing of the txn is kept.
func (d *Draft) Apply(t *txn.Txn) Outcome {
	out, err := d.ApplyChecked(t)
	assert(err == nil, "%v", err)
	return out
}

// ApplyChecked applies a txn that comes from a log or a leader. An error, with
// [ErrMismatch] in its chain, says that the txn does not fit this state: a node is
// missing or in the way, zxid or time go back, or the digest that the txn carries
// (unless 0) is not the digest after it. The draft is then worthless and must be
// dropped. Nothing of the txn is kept.
func (d *Draft) ApplyChecked(t *txn.Txn) (Outcome, error) {
	var out Outcome
	at := d.zxid
	err := d.apply(t, &out)
	if err == nil && t.Digest != 0 && t.Digest != d.Digest() {
		err = fmt.Errorf("digest is %016x, the txn says %016x", d.Digest(), t.Digest)
	}
	if err != nil {
		return Outcome{}, fmt.Errorf("txn %v on a tree at %v: %w: %w", t.Zxid, at, ErrMismatch, err)
	}
	return out, nil
}

func (d *Draft) apply(t *txn.Txn, out *Outcome) error {
	if t.Zxid <= d.zxid {
		return errors.New("the zxid does not grow")
	}
	if t.Time < d.time {
		return fmt.Errorf("time goes back from %d to %d ms", d.time, t.Time)
	}
	if err := d.applyOp(&t.Header, t.Op, out); err != nil {
		return err
	}
	d.remember(t)
	d.zxid, d.time = t.Zxid, t.Time
	return nil
}

// remember notes in the session that asked for a txn that it was the session's last.
func (d *Draft) remember(t *txn.Txn) {
	if t.Session == 0 || t.Cxid == 0 {
		return
	}
	old, open := d.sessions.Get(t.Session)
	if !open { // the txn has closed it
		return
	}
	s := &Session{ID: old.ID, Timeout: old.Timeout, token: old.token, Last: Write{Cxid: t.Cxid, Zxid: t.Zxid}}
	if c, ok := t.Op.(*txn.Create); ok {
		s.Last.Path = strings.Clone(c.Path)
	}
	d.ownSessions()
	d.sessions.Set(s.ID, s)
	d.sum += sessionDigest(s) - sessionDigest(old)
}

// applyOp applies one operation. A nil out is for who does not want to know.
func (d *Draft) applyOp(h *txn.Header, op txn.Op, out *Outcome) error {
	switch op := op.(type) {
	case *txn.Create:
		return d.create(h, op, out)
	case *txn.Delete:
		return d.delete(h, op.Path, out)
	case *txn.SetData:
		return d.setData(h, op.Path, op.Data, out)
	case *txn.SetACL:
		return d.setACL(op, out)
	case *txn.Multi:
		return d.applyMulti(h, op, out)
	case *txn.CreateSession:
		return d.createSession(op, out)
	case *txn.CloseSession:
		return d.closeSession(h, op.Session, out)
	case *txn.Membership:
		return d.setMembership(h, op, out)
	}
	return fmt.Errorf("unknown operation %T", op)
}

func (d *Draft) applyMulti(h *txn.Header, m *txn.Multi, out *Outcome) error {
	for i, op := range m.Ops {
		if err := d.applyOp(h, op, out); err != nil {
			return fmt.Errorf("operation %d: %w", i+1, err)
		}
	}
	return nil
}

func (d *Draft) create(h *txn.Header, c *txn.Create, out *Outcome) error {
	at, parent, err := d.parentOf(c.Path)
	if err != nil {
		return err
	}
	if err := d.fitsOwner(c); err != nil {
		return err
	}
	r := record{
		path: c.Path, data: stringOf(c.Data), hasData: c.Data != nil, kind: max(c.Kind, txn.Persistent),
		czxid: h.Zxid, mzxid: h.Zxid, ctime: h.Time, mtime: h.Time, owner: c.Owner, ttl: c.TTL,
	}
	r.acl = d.retainACL(c.ACL)
	d.setSide(at, parent, countsOf(parent.created()+1, parent.children()+1), h.Zxid)
	it := item{block: r.encode()}
	if !d.insert(it) {
		return fmt.Errorf("%s exists", c.Path)
	}
	if holder := holderOf(r.kind, c.Owner); holder != 0 {
		d.ownOwned()
		d.owned.Set(ownedNode{holder, strings.Clone(c.Path)})
	}
	path := keyIn(it.block).path // a copy already, for as long as the effect is looked at
	d.limitsChanged(path, r.data, true)
	d.charge(path, 1, int64(len(r.data)), out)
	d.note(out, Created, path, it, &r)
	return nil
}

// fitsOwner checks that a node to create has the owner and the time to live that
// its kind asks for.
func (d *Draft) fitsOwner(c *txn.Create) error {
	if c.Kind > txn.TTL || (c.Kind == txn.TTL) != (c.TTL > 0) || (c.Kind == txn.Ephemeral) != (c.Owner != 0) {
		return fmt.Errorf("%s: kind %d with owner %v and TTL %d", c.Path, c.Kind, c.Owner, c.TTL)
	}
	if _, open := d.sessions.Get(c.Owner); c.Owner != 0 && !open {
		return fmt.Errorf("%s: its owner, session %v, is not open", c.Path, c.Owner)
	}
	return nil
}

// parentOf returns the node under which one may be created at path, and its place. That
// it exists vouches for the front of the path; the B-tree asks for no zero bytes.
func (d *Draft) parentOf(path string) (at place, parent item, err error) {
	if path == "" || path[0] != '/' || path[len(path)-1] == '/' || strings.IndexByte(path, 0) >= 0 {
		return place{}, item{}, fmt.Errorf("%q is no path", path)
	}
	at, ok := d.edit(Parent(path))
	if !ok {
		return place{}, item{}, fmt.Errorf("%s does not exist", Parent(path))
	}
	if parent = at.item(); isEphemeral(parent) {
		return place{}, item{}, fmt.Errorf("%s is ephemeral", Parent(path))
	}
	return at, parent, nil
}

// delete deletes the node at path.
func (d *Draft) delete(h *txn.Header, path string, out *Outcome) error {
	if path == "" || path[0] != '/' || path == rootPath {
		return fmt.Errorf("%q cannot be deleted", path)
	}
	at, ok := d.edit(path)
	if !ok {
		return fmt.Errorf("%s does not exist", path)
	}
	it := at.item()
	if it.children() != 0 {
		return fmt.Errorf("%s has %d children", path, it.children())
	}
	d.remove(at, it)
	at, ok = d.edit(Parent(path))
	assert(ok && at.item().children() > 0, "%s is no child of its parent", path)
	parent := at.item()
	d.setSide(at, parent, countsOf(parent.created(), parent.children()-1), h.Zxid)

	r := decode(it.block)
	path = strings.Clone(path)
	if holder := holderOf(r.kind, r.owner); holder != 0 {
		d.ownOwned()
		d.owned.Delete(ownedNode{holder, path})
	}
	d.charge(path, -1, -int64(len(r.data)), out)
	d.limitsChanged(path, "", false)
	d.noteDeleted(out, path, &r)
	d.releaseACL(r.acl)
	return nil
}

func (d *Draft) setData(h *txn.Header, path string, data []byte, out *Outcome) error {
	at, ok := d.edit(path)
	if !ok {
		return fmt.Errorf("%s does not exist", path)
	}
	it := at.item()
	r := decode(it.block)
	grown := int64(len(data)) - int64(len(r.data))
	r.data, r.hasData = stringOf(data), data != nil
	r.mzxid, r.mtime = h.Zxid, h.Time
	r.version = nextVersion(r.version)
	it = d.setBlock(at, it, &r)
	path = keyIn(it.block).path // not the txn's
	d.limitsChanged(path, r.data, true)
	d.charge(path, 0, grown, out)
	d.note(out, DataChanged, path, it, &r)
	return nil
}

func (d *Draft) setACL(s *txn.SetACL, out *Outcome) error {
	at, ok := d.edit(s.Path)
	if !ok {
		return fmt.Errorf("%s does not exist", s.Path)
	}
	it := at.item()
	r := decode(it.block)
	old := r.acl
	r.acl = d.retainACL(s.ACL)
	d.releaseACL(old)
	r.aversion = nextVersion(r.aversion)
	it = d.setBlock(at, it, &r)
	if out != nil {
		out.Results = append(out.Results, Result{Path: strings.Clone(s.Path), Stat: statOf(it, &r)})
	}
	return nil
}

func (d *Draft) createSession(c *txn.CreateSession, out *Outcome) error {
	s := &Session{ID: c.Session, Timeout: c.Timeout, token: string(c.TokenHash)}
	d.ownSessions()
	if _, exists := d.sessions.Set(s.ID, s); exists {
		return fmt.Errorf("session %v is open already", s.ID)
	}
	d.sum += sessionDigest(s)
	noteNothing(out)
	return nil
}

// closeSession closes a session and deletes its ephemeral nodes in the order of
// their paths: the txn does not name them, so that it never grows.
func (d *Draft) closeSession(h *txn.Header, id txn.SessionID, out *Outcome) error {
	d.ownSessions()
	s, ok := d.sessions.Delete(id)
	if !ok {
		return fmt.Errorf("session %v is not open", id)
	}
	d.sum -= sessionDigest(s)
	paths := slices.Collect(d.Ephemerals(id))
	for _, path := range paths {
		err := d.delete(h, path, out)
		assert(err == nil, "ephemeral of session %v: %v", id, err)
	}
	if out != nil {
		out.Results = out.Results[:0]
		out.Closed = id
	}
	noteNothing(out)
	return nil
}

// setMembership puts a membership in force, and into the node that clients read.
func (d *Draft) setMembership(h *txn.Header, m *txn.Membership, out *Outcome) error {
	next := &txn.Membership{Ensemble: m.Ensemble, Members: slices.Clone(m.Members)}
	for i := range next.Members {
		next.Members[i].Address = strings.Clone(next.Members[i].Address)
	}
	d.sum += membershipDigest(next) - membershipDigest(d.membership)
	d.membership = next
	return d.setData(h, configPath, configText(h.Zxid, next), out)
}

// note tells of an operation that left a node behind.
func (d *Draft) note(out *Outcome, kind EffectKind, path string, it item, r *record) {
	if out != nil {
		out.add(Effect{Kind: kind, Path: path, Node: Node{it}, ACL: d.acls.get(r.acl)}, Result{Path: path, Stat: statOf(it, r)})
	}
}

func (d *Draft) noteDeleted(out *Outcome, path string, r *record) {
	if out != nil {
		out.add(Effect{Kind: Deleted, Path: path, ACL: d.acls.get(r.acl)}, Result{Path: path})
	}
}

// noteNothing tells of an operation on no node.
func noteNothing(out *Outcome) {
	if out != nil {
		out.Results = append(out.Results, Result{})
	}
}

// stringOf returns b as a string without copying; the block's encoding copies it.
func stringOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
