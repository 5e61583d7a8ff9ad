package client_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/quorate/quorate/client"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// TestStubsOfASession: the generated calls of a session are calls of that session, in its order and with its nodes.
func TestStubsOfASession(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.session()
		k := s.Keeper()
		made, err := k.Create(w.Context(), &apiv1.CreateRequest{Path: "/e", Data: []byte{}, Kind: apiv1.NodeKind_NODE_KIND_EPHEMERAL})
		w.must(err)
		if made.GetPath() != "/e" || client.SessionID(made.GetStat().GetOwner()) != s.ID() {
			w.Errorf("created %v", made)
		}
		got, err := k.Get(w.Context(), &apiv1.GetRequest{Path: "/e"})
		if w.must(err); got.Data == nil || len(got.GetData()) != 0 {
			w.Errorf("empty data is not null: %v", got)
		}
		for i := range 300 {
			w.create(s.Tree, fmt.Sprintf("/%d", i))
		}
		list, err := k.List(w.Context(), &apiv1.ListRequest{Path: "/", View: apiv1.ListView_LIST_VIEW_NAMES})
		w.must(err)
		names := 0
		for piece, err := list.Recv(); err == nil; piece, err = list.Recv() {
			names += len(piece.GetEntries())
		}
		if _, err := list.Recv(); names != 302 || err == nil || err.Error() != "EOF" {
			w.Errorf("%d names, then %v", names, err)
		}
		if _, err := k.Get(w.Context(), &apiv1.GetRequest{Path: "/none"}); !errors.Is(err, client.ErrNoNode) {
			w.Errorf("a missing node: %v", err)
		}
		none, err := k.List(w.Context(), &apiv1.ListRequest{Path: "/none"})
		w.must(err)
		if _, err := none.Recv(); !errors.Is(err, client.ErrNoNode) {
			w.Errorf("list of a missing node: %v", err)
		}
		watch, err := k.Watch(w.Context(), &apiv1.WatchRequest{Path: "/e"})
		w.must(err)
		if m, err := watch.Recv(); err != nil || len(m.GetEntries()) != 1 {
			w.Errorf("watch: %v, %v", m, err)
		}
		w.must(s.Close(w.Context()))
		if _, err := k.Sync(w.Context(), &apiv1.SyncRequest{}); !errors.Is(err, client.ErrClosed) {
			w.Errorf("after the end: %v", err)
		}
	})
}
