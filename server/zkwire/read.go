package zkwire

import (
	"slices"
	"strings"

	"github.com/quorate/quorate/server/identity"
	"github.com/quorate/quorate/server/watch"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// maxAnswer bounds a reply in bytes. A client takes no frame beyond its own bound anyway (jute.maxbuffer, 1 MiB or 4 MiB if nobody has set it).
const maxAnswer = 128 << 20

// minMultiRead is what the answers of one multi of reads may take together in bytes, unless four packets of clients (--max-packet) are more: a short request can
// ask for the same large node again and again.
const minMultiRead = 8 << 20

// view is one version of the tree as one client may see it.
type view struct {
	*tree.Version
	who tree.Caller
}

// may tells whether the client has one of the wanted permissions on n.
func (v view) may(n tree.Node, want txn.Perms) bool { return tree.Allowed(v.ACL(n), want, v.who) }

// readable returns the node at a path that the client may read.
func (v view) readable(path string) (tree.Node, error) {
	n, found := v.Get(path)
	switch {
	case !found:
		return n, codeNoNode
	case !v.may(n, txn.MayRead):
		return n, codeNoAuth
	}
	return n, nil
}

// who is the client, now.
func (c *conn) who() tree.Caller { return *c.caller.Load() }

// now is the version to read, when all events up to it are told.
func (c *conn) now() view {
	v := view{c.version(), c.who()}
	c.tell(c.takeEvents(v.Zxid()))
	return v
}

// watched is the version to read for a request that leaves a watch: one that is told of all that comes after this version, and after
// the reply. As in ZooKeeper only an exists leaves a watch where there is nothing, and a read that is refused leaves none.
func (c *conn) watched(path string, m watch.Mode) view {
	v := view{who: c.who()}
	var before []watch.Event
	c.watcher.Read(func(version *tree.Version, add func(string, watch.Mode)) {
		v.Version = version
		before = c.takeEvents(version.Zxid())
		n, found := v.Get(path)
		if found && v.may(n, txn.MayRead) || !found && m == watch.Exists {
			add(strings.Clone(path), m) // its frame is not kept
		}
	})
	c.tell(before)
	return v
}

// viewFor is the version to read for a request that may leave a watch.
func (c *conn) viewFor(path string, watches bool, m watch.Mode) view {
	if watches {
		return c.watched(path, m)
	}
	return c.now()
}

// read answers a request that the leader has no part in. Nothing is ahead of it.
func (c *conn) read(call *call) {
	d := decoder{left: call.body}
	switch call.op {
	case opMultiRead:
		c.multiRead(call, &d)
	case opWhoAmI:
		c.whoAmI(call)
	case opReconfig:
		c.refuse(call, c.now().Zxid(), c.reconfig(&d))
	case opSetWatches, opSetWatches2:
		c.setWatches(call, &d)
	case opAddWatch:
		c.addWatch(call, &d)
	case opCheckWatches, opRemoveWatches:
		c.otherWatches(call, &d)
	default:
		c.readNode(call, &d)
	}
}

// reconfig says why the membership cannot be changed by a request of this protocol.
func (c *conn) reconfig(d *decoder) errorCode {
	for range 3 { // servers that join, that leave, or all
		d.str()
	}
	d.i64() // the membership that is to be changed
	switch {
	case d.bad:
		return codeMarshallingError
	case c.readOnly:
		return codeNotReadOnly
	}
	return codeReconfigDisabled
}

// readNode answers a read of one node.
func (c *conn) readNode(call *call, d *decoder) {
	path, null := d.str()
	watches := false
	mode := watch.Data
	switch call.op {
	case opExists:
		mode = watch.Exists
		watches = d.flag()
	case opGetChildren, opGetChildren2:
		mode = watch.Children
		watches = d.flag()
	case opGetData:
		watches = d.flag()
	}
	if d.bad || null {
		c.refuse(call, c.now().Zxid(), codeMarshallingError)
		return
	}
	v := c.viewFor(path, watches, mode)
	body, err := v.node(call.op, path, c.id)
	if err != nil {
		c.refuse(call, v.Zxid(), err)
		return
	}
	c.answer(call, v.Zxid(), body)
}

// node makes the body of the answer to a read of one node.
func (v view) node(op opcode, path string, session txn.SessionID) (body func([]byte) []byte, err error) {
	switch op {
	case opGetEphemerals:
		return v.ephemerals(path, session), nil
	case opGetACL:
		return v.acl(path)
	}
	n, err := v.readable(path)
	if err != nil {
		return nil, err
	}
	switch op {
	case opGetData:
		if n.Size() > maxAnswer {
			return nil, codeMarshallingError
		}
		return func(b []byte) []byte { return putStat(putBuffer(b, n.Data()), n.Stat()) }, nil
	case opGetChildren, opGetChildren2:
		return v.children(op, n)
	case opAllChildrenNumber:
		return func(b []byte) []byte { return putI32(b, v.descendants(path)) }, nil
	default:
		return func(b []byte) []byte { return putStat(b, n.Stat()) }, nil
	}
}

// childrenOverhead is what a list of children takes beside the children: their number and a Stat.
const childrenOverhead = 128

// children makes a list of children.
func (v view) children(op opcode, n tree.Node) (func([]byte) []byte, error) {
	size := 0
	for child := range v.Children(n.Path()) {
		if size += lengthSize + len(child.Name()); size > maxAnswer {
			return nil, codeMarshallingError
		}
	}
	return func(b []byte) []byte {
		b = slices.Grow(b, size+childrenOverhead)
		b = putI32(b, int32(n.NumChildren()))
		for child := range v.Children(n.Path()) {
			b = putString(b, child.Name())
		}
		if op == opGetChildren2 {
			b = putStat(b, n.Stat())
		}
		return b
	}, nil
}

// acl makes the answer to a question for an access control list: for those with READ or ADMIN, and only ADMIN sees the hashes in it.
func (v view) acl(path string) (func([]byte) []byte, error) {
	n, found := v.Get(path)
	if !found {
		return nil, codeNoNode
	}
	list, admin := v.ACL(n), v.may(n, txn.MayAdmin)
	if !admin && !v.may(n, txn.MayRead) {
		return nil, codeNoAuth
	}
	if !admin {
		list = tree.Masked(list)
	}
	return func(b []byte) []byte { return putStat(putACL(b, list), n.Stat()) }, nil
}

// ephemerals lists the session's own nodes below a prefix.
func (v view) ephemerals(prefix string, session txn.SessionID) func([]byte) []byte {
	var paths []string
	for path := range v.Ephemerals(session) {
		if strings.HasPrefix(path, prefix) {
			paths = append(paths, path)
		}
	}
	return func(b []byte) []byte { return putStrings(b, paths) }
}

func putStrings(b []byte, all []string) []byte {
	b = putI32(b, int32(len(all)))
	for _, s := range all {
		b = putString(b, s)
	}
	return b
}

// descendants counts what is below a node.
func (v view) descendants(path string) int32 {
	if path == "/" {
		return int32(v.Len() - 1)
	}
	n := int32(0)
	for range v.Descendants(path) {
		n++
	}
	return n
}

// multiRead answers several reads. What fails fails by itself.
func (c *conn) multiRead(call *call, d *decoder) {
	type read struct {
		op   opcode
		path string
	}
	var all []read
	for {
		op, done := multiHeader(d)
		if done || d.bad {
			break
		}
		path, _ := d.str()
		d.flag() // whether to leave a watch: not in a multi
		if op != opGetData && op != opGetChildren {
			d.bad = true
		}
		all = append(all, read{op, path})
	}
	if d.bad {
		c.refuse(call, c.now().Zxid(), codeMarshallingError)
		return
	}
	v := c.now()
	c.answer(call, v.Zxid(), func(b []byte) []byte {
		full := len(b) + max(minMultiRead, 4*c.server.cfg.MaxPacket)
		for _, r := range all {
			var body func([]byte) []byte
			err := error(codeMarshallingError)
			if len(b) < full { // what is not told is not looked for either
				body, err = v.node(r.op, r.path, c.id)
			}
			if err == nil {
				b = body(putMultiHeader(b, r.op, false, codeOK))
				continue
			}
			b = putI32(putMultiHeader(b, opError, false, codeOf(err)), int32(codeOf(err)))
		}
		return multiEnd(b)
	})
}

// whoAmI answers who the client is to this server.
func (c *conn) whoAmI(call *call) {
	who := c.who()
	c.answer(call, c.now().Zxid(), func(b []byte) []byte {
		b = putI32(b, int32(len(who)))
		for _, id := range who {
			b = putString(b, id.Scheme)
			b = putString(b, identity.Name(id))
		}
		return b
	})
}
