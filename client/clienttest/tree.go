package clienttest

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// node is one node of the tree. Nodes are replaced, not changed, so that a Multi can be undone.
type node struct {
	data    []byte
	acl     []*apiv1.Ace
	stat    *apiv1.Stat
	created int32 // children ever created
}

func newNode(zxid uint64) *node {
	now := time.Now().UnixMilli()
	return &node{
		acl: []*apiv1.Ace{{Perms: 31, Scheme: "world", Id: "anyone"}},
		stat: &apiv1.Stat{
			Czxid: zxid, Mzxid: zxid, Pzxid: zxid, CtimeMs: now, MtimeMs: now, Kind: apiv1.NodeKind_NODE_KIND_PERSISTENT,
		},
	}
}

func (n *node) clone() *node {
	c := *n
	c.stat = cloneStat(n.stat)
	return &c
}

func cloneStat(s *apiv1.Stat) *apiv1.Stat {
	return &apiv1.Stat{
		Czxid: s.Czxid, Mzxid: s.Mzxid, Pzxid: s.Pzxid, CtimeMs: s.CtimeMs, MtimeMs: s.MtimeMs, Version: s.Version,
		Cversion: s.Cversion, Aversion: s.Aversion, Owner: s.Owner, DataLength: s.DataLength,
		NumChildren: s.NumChildren, Kind: s.Kind, TtlMs: s.TtlMs,
	}
}

// change is one transaction: a copy of the tree's index that is published as a whole or dropped.
type change struct {
	f     *Fake
	nodes map[string]*node
	zxid  uint64
	who   []string
	// by is the session that makes the change, nil for none; effects is what it does.
	by      *session
	effects []effect
}

// begin must be called with f.mu held.
func (f *Fake) begin(who []string) *change {
	return &change{f: f, nodes: maps.Clone(f.mu.nodes), zxid: f.mu.zxid + 1, who: who}
}

// publish makes the change the tree's, and tells whoever watches. It must be called with f.mu held.
func (c *change) publish() {
	c.f.mu.nodes, c.f.mu.zxid = c.nodes, c.zxid
	c.f.tell(c.effects)
}

func (c *change) refuse(reason, path, detail string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Path: path, Detail: fmt.Sprintf(detail, args...), Zxid: c.zxid - 1}
}

// edit replaces a node by a copy and returns the copy.
func (c *change) edit(path string) *node {
	n := c.nodes[path].clone()
	c.nodes[path] = n
	return n
}

func (c *change) create(r *apiv1.CreateRequest) (string, *node, *Refusal) {
	target := r.GetPath()
	parent, ok := c.nodes[parentOf(target)]
	if r.GetSequential() && ok {
		target = fmt.Sprintf("%s%010d", target, parent.created)
	}
	whole := target
	if r.GetSequential() && !ok {
		whole += "0" // whatever the number would be
	}
	if why := invalidPath(whole); why != "" {
		return "", nil, c.refuse("INVALID_PATH", target, "%s", why)
	}
	switch {
	case c.nodes[target] != nil:
		return "", nil, c.refuse("NODE_EXISTS", target, "the node exists already")
	case !ok:
		return "", nil, c.refuse("NO_PARENT", target, "the parent %s does not exist", parentOf(target))
	case len(r.GetData()) > c.f.MaxValue:
		return "", nil, c.refuse("TOO_LARGE", target, "the value has %d bytes, the limit is %d", len(r.GetData()), c.f.MaxValue)
	case parent.stat.GetOwner() != 0:
		return "", nil, c.refuse("EPHEMERAL_PARENT", target, "an ephemeral node has no children")
	case r.GetKind() == apiv1.NodeKind_NODE_KIND_EPHEMERAL && c.by == nil:
		return "", nil, c.refuse("BAD_ARGUMENTS", target, "an ephemeral node needs a session")
	case (r.GetKind() == apiv1.NodeKind_NODE_KIND_TTL) != (r.GetTtlMs() > 0):
		return "", nil, c.refuse("BAD_ARGUMENTS", target, "ttl_ms belongs to kind TTL, and only to it")
	case !allows(parent, 4, c.who):
		return "", nil, c.refuse("NO_AUTH", target, "the parent does not allow CREATE")
	}
	if refusal := c.checkACL(target, r.GetAcl()); refusal != nil {
		return "", nil, refusal
	}
	n := newNode(c.zxid)
	n.data, n.stat.DataLength, n.stat.TtlMs = r.Data, int32(len(r.GetData())), r.GetTtlMs()
	if r.GetKind() != apiv1.NodeKind_NODE_KIND_UNSPECIFIED {
		n.stat.Kind = r.GetKind()
	}
	if len(r.GetAcl()) > 0 {
		n.acl = r.GetAcl()
	}
	if n.stat.Kind == apiv1.NodeKind_NODE_KIND_EPHEMERAL {
		n.stat.Owner = c.by.id
	}
	c.did(apiv1.EventType_EVENT_TYPE_CREATED, target, n)
	p := c.edit(parentOf(target))
	p.created++
	p.stat.NumChildren, p.stat.Cversion, p.stat.Pzxid = p.stat.NumChildren+1, p.stat.Cversion+1, c.zxid
	c.nodes[target] = n
	return target, n, nil
}

func (c *change) checkACL(path string, acl []*apiv1.Ace) *Refusal {
	for _, a := range acl {
		if !slices.Contains([]string{"world", "digest", "ip", "auth"}, a.GetScheme()) || a.GetPerms() == 0 || a.GetPerms() > 31 {
			return c.refuse("INVALID_ACL", path, "the entry %s:%s makes no sense", a.GetScheme(), a.GetId())
		}
	}
	return nil
}

// find returns a node that exists at a version, if one is asked for.
func (c *change) find(path string, version *int32, perm uint32) (*node, *Refusal) {
	if why := invalidPath(path); why != "" {
		return nil, c.refuse("INVALID_PATH", path, "%s", why)
	}
	n := c.nodes[path]
	if n == nil {
		return nil, c.refuse("NO_NODE", path, "the node does not exist")
	}
	if !allows(n, perm, c.who) {
		return nil, c.refuse("NO_AUTH", path, "permission denied")
	}
	if version != nil && *version != n.stat.Version {
		r := c.refuse("BAD_VERSION", path, "the version is %d, not %d", n.stat.Version, *version)
		r.Version = n.stat.Version
		return nil, r
	}
	return n, nil
}

func (c *change) set(r *apiv1.SetRequest) (*node, *Refusal) {
	if _, refusal := c.find(r.GetPath(), r.Version, 2); refusal != nil {
		return nil, refusal
	}
	if len(r.GetData()) > c.f.MaxValue {
		return nil, c.refuse("TOO_LARGE", r.GetPath(), "the value has %d bytes, the limit is %d", len(r.GetData()), c.f.MaxValue)
	}
	n := c.edit(r.GetPath())
	n.data, n.stat.DataLength = r.Data, int32(len(r.GetData()))
	n.stat.Version, n.stat.Mzxid, n.stat.MtimeMs = n.stat.Version+1, c.zxid, time.Now().UnixMilli()
	c.did(apiv1.EventType_EVENT_TYPE_DATA_CHANGED, r.GetPath(), n)
	return n, nil
}

func (c *change) delete(r *apiv1.DeleteRequest) *Refusal {
	n, refusal := c.find(r.GetPath(), r.Version, 0)
	switch {
	case refusal != nil:
		return refusal
	case within(r.GetPath(), "/zookeeper") || r.GetPath() == "/":
		return c.refuse("BAD_ARGUMENTS", r.GetPath(), "this node cannot be deleted")
	case n.stat.NumChildren > 0:
		return c.refuse("NOT_EMPTY", r.GetPath(), "the node has %d children", n.stat.NumChildren)
	case !allows(c.nodes[parentOf(r.GetPath())], 8, c.who):
		return c.refuse("NO_AUTH", r.GetPath(), "the parent does not allow DELETE")
	}
	c.drop(r.GetPath())
	return nil
}

// drop takes a node out that has no children.
func (c *change) drop(path string) {
	c.did(apiv1.EventType_EVENT_TYPE_DELETED, path, c.nodes[path])
	p := c.edit(parentOf(path))
	p.stat.NumChildren, p.stat.Cversion, p.stat.Pzxid = p.stat.NumChildren-1, p.stat.Cversion+1, c.zxid
	delete(c.nodes, path)
}

func (c *change) did(t apiv1.EventType, path string, n *node) {
	c.effects = append(c.effects, effect{zxid: c.zxid, what: t, path: path, node: n})
}

// below returns the paths of all nodes under root, parents first, siblings by name.
func (c *change) below(root string) []string {
	var paths []string
	for p := range c.nodes {
		if p != root && within(p, root) {
			paths = append(paths, p)
		}
	}
	slices.SortFunc(paths, func(a, b string) int { return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/")) })
	return paths
}

func parentOf(p string) string { return path.Dir(p) }

// within tells whether p is root or lies below it.
func within(p, root string) bool {
	return p == root || root == "/" || strings.HasPrefix(p, root+"/")
}

func allows(n *node, perm uint32, who []string) bool {
	for _, a := range n.acl {
		if a.GetPerms()&perm == perm && (a.GetScheme() == "world" || slices.Contains(who, a.GetScheme()+" "+a.GetId())) {
			return true
		}
	}
	return perm == 0
}

// invalidPath says what is wrong with a path, by ZooKeeper's rules; empty if nothing is.
func invalidPath(p string) string {
	switch {
	case p == "/":
		return ""
	case !strings.HasPrefix(p, "/"):
		return "a path starts with /"
	case strings.HasSuffix(p, "/"):
		return "a path does not end with /"
	case !utf8.ValidString(p):
		return "a path is UTF-8"
	}
	for _, name := range strings.Split(p[1:], "/") {
		if name == "" || name == "." || name == ".." {
			return fmt.Sprintf("%q is no name for a node", name)
		}
	}
	for _, r := range p {
		if r <= 0x1f || 0x7f <= r && r <= 0x9f || 0xd800 <= r && r <= 0xf8ff || 0xfff0 <= r && r <= 0xffff {
			return fmt.Sprintf("character %U is not allowed", r)
		}
	}
	return ""
}
