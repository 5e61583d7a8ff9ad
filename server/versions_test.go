package server

import (
	"errors"
	"io"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/store/vfs"
)

// TestVersionsAreHeldAgainstTheNode by every change that can name one.
func TestVersionsAreHeldAgainstTheNode(t *testing.T) {
	w := run(t, vfs.NewMem(), nil)
	ctx, k := t.Context(), w.keeper
	if _, err := k.Create(ctx, &apiv1.CreateRequest{Path: "/a"}); err != nil {
		t.Fatal(err)
	}
	wrong := proto.Int32(7)
	acl := []*apiv1.Ace{{Perms: 31, Scheme: "world", Id: "anyone"}}
	for name, change := range map[string]func() error{
		"set":    func() error { _, err := k.Set(ctx, &apiv1.SetRequest{Path: "/a", Version: wrong}); return err },
		"delete": func() error { _, err := k.Delete(ctx, &apiv1.DeleteRequest{Path: "/a", Version: wrong}); return err },
		"acl": func() error {
			_, err := k.SetAcl(ctx, &apiv1.SetAclRequest{Path: "/a", Acl: acl, Version: wrong})
			return err
		},
	} {
		if err := change(); status.Code(err) != codes.Aborted {
			t.Errorf("%s at version 7: %v, want ABORTED", name, err)
		}
	}
}

// TestListsThatEndedMakeRoom: the limit is of lists in progress, not of lists.
func TestListsThatEndedMakeRoom(t *testing.T) {
	w := run(t, vfs.NewMem(), func(c *config.Config) { c.MaxLists = 1 })
	for i := range 3 {
		stream, err := w.keeper.List(t.Context(), &apiv1.ListRequest{Path: "/"})
		for err == nil {
			_, err = stream.Recv()
		}
		if !errors.Is(err, io.EOF) {
			t.Fatalf("list %d: %v", i+1, err)
		}
	}
}
