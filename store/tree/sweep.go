package tree

import (
	"iter"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/txn"
)

// Sweepable returns the paths of the containers and TTL nodes that may go: those without children that are containers which
// had one, or which nobody has used for more than neverUsed after their creation, or TTL nodes that were not changed for longer
// than their time to live. All times are in milliseconds, now since 1970 by the leader's clock; neverUsed 0: an
// unused container stays. It looks at all nodes of these kinds, and at no other (reference: ZooKeeper's ContainerManager).
func (s *state) Sweepable(now, neverUsed int64) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, kind := range []txn.Kind{txn.Container, txn.TTL} {
			for path := range s.Ephemerals(holderOf(kind, 0)) {
				if it, ok := s.item(path); ok && mayGo(it, now, neverUsed) && !yield(path) {
					return
				}
			}
		}
	}
}

// mayGo tells whether nobody needs a node any more.
func mayGo(it item, now, neverUsed int64) bool {
	r := decode(it.block)
	switch {
	case it.children() > 0:
		return false
	case r.kind == txn.Container:
		return it.created() != 0 || neverUsed > 0 && now-r.ctime > neverUsed
	case r.kind == txn.TTL:
		return now-r.mtime > r.ttl
	}
	return false
}

func (s *state) prepareSweep(req *SweepRequest) (txn.Op, error) {
	it, ok := s.item(req.Path)
	switch {
	case !ok:
		return nil, noNode(req.Path)
	case it.children() > 0:
		return nil, fault.New(fault.NotEmpty, req.Path, "the node has %d children", it.children())
	case !mayGo(it, req.Now, req.NeverUsed):
		return nil, fault.New(fault.BadVersion, req.Path, "the node is none that goes by itself, or is still used")
	}
	return &txn.Delete{Path: req.Path}, nil
}
