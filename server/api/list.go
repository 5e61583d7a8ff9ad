package api

import (
	"context"
	"iter"
	"strings"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// A piece of a list is sent when it has this many entries or this many bytes,
// whichever comes first; one entry may be larger.
const (
	pieceEntries = 1000
	pieceBytes   = 256 << 10
)

// entryOverhead is about what an entry takes beyond its name and data: its Stat
// and the tags.
const entryOverhead = 80

// List streams a node's children, or all nodes below it, from one version of the
// tree. The version is held as long as the stream lives; the number of such
// streams is bounded.
func (k *Keeper) List(r *apiv1.ListRequest, stream apiv1.Keeper_ListServer) error {
	done, err := k.listing(r.GetPath())
	if err != nil {
		return Error(err)
	}
	defer done()
	if err := viewOfList(r); err != nil {
		return Error(err)
	}
	if err := noWatch(r); err != nil {
		return err
	}
	ctx := stream.Context()
	if err := k.await(ctx, r.GetOptions()); err != nil {
		return Error(err)
	}
	v := k.view(ctx)
	root, err := v.readable(r.GetPath())
	if err != nil {
		return Error(err)
	}
	l := lister{view: v, root: root, want: r.GetView()}
	return Error(l.send(ctx, l.nodes(r.GetRecursive()), stream.Send))
}

// viewOfList refuses a view that there is not.
func viewOfList(r *apiv1.ListRequest) error {
	if v := r.GetView(); v < 0 || v > apiv1.ListView_LIST_VIEW_DATA {
		return fault.New(fault.BadArguments, r.GetPath(), "%d is no view of a list", v)
	}
	return nil
}

// lister makes the pieces of one list.
type lister struct {
	view
	root tree.Node
	want apiv1.ListView
}

// send sends all nodes, piece by piece; one piece at least, with the root's Stat.
func (l *lister) send(ctx context.Context, nodes iter.Seq2[tree.Node, bool], send func(*apiv1.ListResponse) error) error {
	piece := &apiv1.ListResponse{Zxid: uint64(l.Zxid()), Stat: statOf(l.root.Stat())}
	bytes := 0
	for n, readable := range nodes {
		e := l.entry(n, readable)
		if e == nil {
			continue
		}
		size := len(e.GetName()) + len(e.Data) + entryOverhead
		if len(piece.Entries) > 0 && (len(piece.Entries) == pieceEntries || bytes+size > pieceBytes) {
			if err := l.sendPiece(ctx, piece, send); err != nil {
				return err
			}
			piece, bytes = &apiv1.ListResponse{Zxid: uint64(l.Zxid())}, 0
		}
		piece.Entries = append(piece.Entries, e)
		bytes += size
	}
	return l.sendPiece(ctx, piece, send)
}

// sendPiece sends unless the caller has gone.
func (l *lister) sendPiece(ctx context.Context, piece *apiv1.ListResponse, send func(*apiv1.ListResponse) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return send(piece)
}

// entry is what the list tells of a node, nil for nothing. Its name was already
// readable with its parent; Stat and data need READ on itself.
func (l *lister) entry(n tree.Node, readable bool) *apiv1.Entry {
	if l.want == apiv1.ListView_LIST_VIEW_DATA && !readable {
		return nil
	}
	e := &apiv1.Entry{Name: strings.TrimPrefix(n.Path()[len(l.root.Path()):], "/")}
	if !readable {
		return e
	}
	switch l.want {
	case apiv1.ListView_LIST_VIEW_DATA:
		e.Data = n.Data()
		fallthrough
	case apiv1.ListView_LIST_VIEW_STATS:
		e.Stat = statOf(n.Stat())
	}
	return e
}

// nodes yields the nodes to list, and whether the caller may read each.
func (l *lister) nodes(recursive bool) iter.Seq2[tree.Node, bool] {
	if recursive {
		return l.below
	}
	return func(yield func(tree.Node, bool) bool) {
		for n := range l.Children(l.root.Path()) {
			if !yield(n, l.may(n, txn.MayRead)) {
				return
			}
		}
	}
}

// below yields the descendants, parents first, without those under a node that
// the caller may not read.
func (l *lister) below(yield func(tree.Node, bool) bool) {
	closed := make(map[string]bool) // nodes with children that are not to be seen
	for n := range l.Descendants(l.root.Path()) {
		path := n.Path()
		hidden := len(closed) > 0 && closed[path[:strings.LastIndexByte(path, '/')]]
		readable := !hidden && l.may(n, txn.MayRead)
		if !readable && n.NumChildren() > 0 {
			closed[path] = true
		}
		if !hidden && !yield(n, readable) {
			return
		}
	}
}
