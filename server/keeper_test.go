package server

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/store/vfs"
)

func TestNodesLifeOverTheWire(t *testing.T) {
	w, ctx := run(t, vfs.NewMem(), nil), t.Context()

	made := w.create(t, &apiv1.CreateRequest{Path: "/a", Data: []byte("one")})
	if made.GetPath() != "/a" || made.GetStat().GetVersion() != 0 || made.GetStat().GetCzxid() != made.GetZxid() || made.GetZxid() == 0 {
		t.Errorf("created %v", made)
	}
	got, err := w.keeper.Get(ctx, &apiv1.GetRequest{Path: "/a"})
	if err != nil || string(got.GetData()) != "one" || got.GetZxid() < made.GetZxid() || got.GetStat().GetDataLength() != 3 {
		t.Errorf("got %v, %v", got, err)
	}
	set, err := w.keeper.Set(ctx, &apiv1.SetRequest{Path: "/a", Data: []byte("two"), Version: ptr[int32](0)})
	if err != nil || set.GetStat().GetVersion() != 1 || set.GetStat().GetMzxid() != set.GetZxid() {
		t.Errorf("set %v, %v", set, err)
	}
	exists, err := w.keeper.Exists(ctx, &apiv1.ExistsRequest{Path: "/a"})
	if err != nil || exists.GetStat().GetVersion() != 1 {
		t.Errorf("exists %v, %v", exists, err)
	}
	acl, err := w.keeper.SetAcl(ctx, &apiv1.SetAclRequest{Path: "/a", Acl: []*apiv1.Ace{{Perms: 31, Scheme: "world", Id: "anyone"}}})
	if err != nil || acl.GetStat().GetAversion() != 1 {
		t.Errorf("set acl %v, %v", acl, err)
	}
	deleted, err := w.keeper.Delete(ctx, &apiv1.DeleteRequest{Path: "/a", Version: ptr[int32](1)})
	if err != nil || deleted.GetZxid() <= acl.GetZxid() {
		t.Errorf("deleted %v, %v", deleted, err)
	}
	gone, err := w.keeper.Exists(ctx, &apiv1.ExistsRequest{Path: "/a"})
	if err != nil || gone.Stat != nil || gone.GetZxid() != deleted.GetZxid() {
		t.Errorf("a missing node is no error: got %v, %v", gone, err)
	}
	synced, err := w.keeper.Sync(ctx, &apiv1.SyncRequest{})
	if err != nil || synced.GetZxid() != deleted.GetZxid() {
		t.Errorf("synced %v, %v; want %d", synced, err, deleted.GetZxid())
	}
}

func TestNullAndEmptyDataOverTheWire(t *testing.T) {
	w := run(t, vfs.NewMem(), nil)
	for path, data := range map[string][]byte{"/null": nil, "/empty": {}} {
		w.create(t, &apiv1.CreateRequest{Path: path, Data: data})
		got, err := w.keeper.Get(t.Context(), &apiv1.GetRequest{Path: path})
		if err != nil || (got.Data == nil) != (data == nil) || len(got.Data) != 0 {
			t.Errorf("%s: got %#v, %v", path, got.GetData(), err)
		}
	}
}

func TestKindsAndSequences(t *testing.T) {
	w := run(t, vfs.NewMem(), nil)
	box := w.create(t, &apiv1.CreateRequest{Path: "/box", Kind: apiv1.NodeKind_NODE_KIND_CONTAINER})
	if box.GetStat().GetKind() != apiv1.NodeKind_NODE_KIND_CONTAINER {
		t.Errorf("got %v", box.GetStat())
	}
	short := w.create(t, &apiv1.CreateRequest{Path: "/box/t", Kind: apiv1.NodeKind_NODE_KIND_TTL, TtlMs: 1 << 40 / 2})
	if short.GetStat().GetTtlMs() != 1<<40/2 || short.GetStat().GetKind() != apiv1.NodeKind_NODE_KIND_TTL {
		t.Errorf("got %v", short.GetStat())
	}
	for i := range 3 {
		n := w.create(t, &apiv1.CreateRequest{Path: "/box/n-", Sequential: true})
		if want := fmt.Sprintf("/box/n-%010d", i+1); n.GetPath() != want {
			t.Errorf("got %s, want %s", n.GetPath(), want)
		}
	}
}

func TestErrorsOverTheWire(t *testing.T) {
	w, ctx := run(t, vfs.NewMem(), nil), t.Context()
	w.create(t, &apiv1.CreateRequest{Path: "/a"})
	last := w.create(t, &apiv1.CreateRequest{Path: "/a/b"})
	zxid := fmt.Sprint(last.GetZxid())
	create := func(r *apiv1.CreateRequest) error { _, err := w.keeper.Create(ctx, r); return err }
	get := func(path string) error { _, err := w.keeper.Get(ctx, &apiv1.GetRequest{Path: path}); return err }
	remove := func(r *apiv1.DeleteRequest) error { _, err := w.keeper.Delete(ctx, r); return err }
	set := func(r *apiv1.SetRequest) error { _, err := w.keeper.Set(ctx, r); return err }
	setACL := func(acl ...*apiv1.Ace) error {
		_, err := w.keeper.SetAcl(ctx, &apiv1.SetAclRequest{Path: "/a", Acl: acl})
		return err
	}
	for _, tc := range []struct {
		name   string
		err    error
		code   codes.Code
		reason string
		pairs  []string
	}{
		{"get: no node", get("/x"), codes.NotFound, "NO_NODE", []string{"path", "/x", "zxid", zxid}},
		{"set: no node", set(&apiv1.SetRequest{Path: "/x"}), codes.NotFound, "NO_NODE", []string{"path", "/x", "zxid", zxid}},
		{"create: no parent", create(&apiv1.CreateRequest{Path: "/x/y"}), codes.NotFound, "NO_PARENT", nil},
		{"create: exists", create(&apiv1.CreateRequest{Path: "/a"}), codes.AlreadyExists, "NODE_EXISTS", []string{"path", "/a"}},
		{"set: bad version", set(&apiv1.SetRequest{Path: "/a", Version: ptr[int32](9)}), codes.Aborted, "BAD_VERSION", []string{"version", "0"}},
		{"delete: not empty", remove(&apiv1.DeleteRequest{Path: "/a"}), codes.FailedPrecondition, "NOT_EMPTY", nil},
		{"delete: reserved", remove(&apiv1.DeleteRequest{Path: "/zookeeper"}), codes.InvalidArgument, "BAD_ARGUMENTS", nil},
		{"acl: empty", setACL(), codes.InvalidArgument, "INVALID_ACL", nil},
		{"acl: nonsense", setACL(&apiv1.Ace{Perms: 32, Scheme: "world", Id: "anyone"}), codes.InvalidArgument, "INVALID_ACL", nil},
		{"ephemeral", create(&apiv1.CreateRequest{Path: "/e", Kind: apiv1.NodeKind_NODE_KIND_EPHEMERAL}), codes.InvalidArgument, "BAD_ARGUMENTS", nil},
		{"ttl without kind", create(&apiv1.CreateRequest{Path: "/e", TtlMs: 5}), codes.InvalidArgument, "BAD_ARGUMENTS", nil},
		{"relative path", create(&apiv1.CreateRequest{Path: "a"}), codes.InvalidArgument, "INVALID_PATH", nil},
		{"empty path", get(""), codes.InvalidArgument, "INVALID_PATH", nil},
		{"dots", create(&apiv1.CreateRequest{Path: "/a/../b"}), codes.InvalidArgument, "INVALID_PATH", nil},
		{"dots in a get", get("/a/../b"), codes.InvalidArgument, "INVALID_PATH", nil},
		{"control character", create(&apiv1.CreateRequest{Path: "/a\x01b"}), codes.InvalidArgument, "INVALID_PATH", nil},
		{"2 MB", create(&apiv1.CreateRequest{Path: "/big", Data: make([]byte, 2<<20)}), codes.InvalidArgument, "TOO_LARGE", []string{"path", "/big"}},
		{"2 MB set", set(&apiv1.SetRequest{Path: "/a", Data: make([]byte, 2<<20)}), codes.InvalidArgument, "TOO_LARGE", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if status.Code(tc.err) != tc.code {
				t.Errorf("got %v, want %v", tc.err, tc.code)
			}
			wantReason(t, tc.err, tc.reason, tc.pairs...)
			if m := status.Convert(tc.err).Message(); len(m) < 8 || strings.ToUpper(m) == m {
				t.Errorf("%q is no sentence", m)
			}
		})
	}
}

func TestMultiIsAllOrNothing(t *testing.T) {
	w, ctx := run(t, vfs.NewMem(), nil), t.Context()
	ops := []*apiv1.MultiOp{
		{Op: &apiv1.MultiOp_Create{Create: &apiv1.CreateRequest{Path: "/m", Data: []byte("1")}}},
		{Op: &apiv1.MultiOp_Check{Check: &apiv1.CheckRequest{Path: "/m", Version: ptr[int32](0)}}},
		{Op: &apiv1.MultiOp_Set{Set: &apiv1.SetRequest{Path: "/m", Data: []byte("2")}}},
		{Op: &apiv1.MultiOp_Create{Create: &apiv1.CreateRequest{Path: "/m/s-", Sequential: true}}},
		{Op: &apiv1.MultiOp_Create{Create: &apiv1.CreateRequest{Path: "/m/t"}}},
		{Op: &apiv1.MultiOp_Delete{Delete: &apiv1.DeleteRequest{Path: "/m/t"}}},
	}
	done, err := w.keeper.Multi(ctx, &apiv1.MultiRequest{Ops: ops})
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		path string
		stat bool
	}{{"/m", true}, {"/m", false}, {"/m", true}, {"/m/s-0000000000", true}, {"/m/t", true}, {"/m/t", false}}
	for i, r := range done.GetResults() {
		if r.GetPath() != want[i].path || (r.GetStat() != nil) != want[i].stat {
			t.Errorf("operation %d: got %v, want %v", i+1, r, want[i])
		}
	}
	if len(done.GetResults()) != len(want) || done.GetResults()[2].GetStat().GetVersion() != 1 {
		t.Errorf("got %v", done)
	}

	_, err = w.keeper.Multi(ctx, &apiv1.MultiRequest{Ops: []*apiv1.MultiOp{
		{Op: &apiv1.MultiOp_Create{Create: &apiv1.CreateRequest{Path: "/never"}}},
		{Op: &apiv1.MultiOp_Check{Check: &apiv1.CheckRequest{Path: "/m", Version: ptr[int32](7)}}},
	}})
	wantReason(t, err, "BAD_VERSION", "op", "2", "path", "/m", "version", "1", "zxid", fmt.Sprint(done.GetZxid()))
	if r, err := w.keeper.Exists(ctx, &apiv1.ExistsRequest{Path: "/never"}); err != nil || r.Stat != nil {
		t.Errorf("half of a multi was done: %v, %v", r, err)
	}
	if empty, err := w.keeper.Multi(ctx, &apiv1.MultiRequest{}); err != nil || len(empty.GetResults()) != 0 {
		t.Errorf("empty multi: %v, %v", empty, err)
	}
}

func TestPermissionsOverTheWire(t *testing.T) {
	w := run(t, vfs.NewMem(), nil)
	bob, eve := as(t, "digest bob:secret"), as(t, "digest eve:x")
	_, err := w.keeper.Create(bob, &apiv1.CreateRequest{Path: "/bob", Data: []byte("x"), Acl: []*apiv1.Ace{
		{Perms: 31, Scheme: "auth"}, {Perms: 1, Scheme: "ip", Id: "10.0.0.0/8"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.keeper.Get(bob, &apiv1.GetRequest{Path: "/bob"}); err != nil {
		t.Errorf("bob may not read what is his: %v", err)
	}
	for name, call := range map[string]func(context.Context) error{
		"get": func(ctx context.Context) error {
			_, err := w.keeper.Get(ctx, &apiv1.GetRequest{Path: "/bob"})
			return err
		},
		"exists": func(ctx context.Context) error {
			_, err := w.keeper.Exists(ctx, &apiv1.ExistsRequest{Path: "/bob"})
			return err
		},
		"acl": func(ctx context.Context) error {
			_, err := w.keeper.GetAcl(ctx, &apiv1.GetAclRequest{Path: "/bob"})
			return err
		},
		"set": func(ctx context.Context) error {
			_, err := w.keeper.Set(ctx, &apiv1.SetRequest{Path: "/bob"})
			return err
		},
		"create": func(ctx context.Context) error {
			_, err := w.keeper.Create(ctx, &apiv1.CreateRequest{Path: "/bob/x"})
			return err
		},
		"list": func(ctx context.Context) error {
			s, err := w.keeper.List(ctx, &apiv1.ListRequest{Path: "/bob"})
			if err == nil {
				_, err = s.Recv()
			}
			return err
		},
	} {
		for who, ctx := range map[string]context.Context{"nobody": t.Context(), "eve": eve} {
			if err := call(ctx); status.Code(err) != codes.PermissionDenied {
				t.Errorf("%s by %s: got %v", name, who, err)
			}
		}
	}
	_, err = w.keeper.Get(as(t, "digest bob"), &apiv1.GetRequest{Path: "/"})
	if status.Code(err) != codes.Unauthenticated {
		t.Errorf("malformed identity: got %v", err)
	}
}

func TestHashesAreMaskedWithoutAdmin(t *testing.T) {
	w := run(t, vfs.NewMem(), nil)
	bob := as(t, "digest bob:secret")
	_, err := w.keeper.Create(bob, &apiv1.CreateRequest{Path: "/bob", Acl: []*apiv1.Ace{
		{Perms: 31, Scheme: "auth"}, {Perms: 1, Scheme: "world", Id: "anyone"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for ctx, want := range map[context.Context]string{bob: "bob:", t.Context(): "bob:x"} {
		r, err := w.keeper.GetAcl(ctx, &apiv1.GetAclRequest{Path: "/bob"})
		if err != nil || len(r.GetAcl()) != 2 {
			t.Fatalf("got %v, %v", r, err)
		}
		if id := r.GetAcl()[0].GetId(); !strings.HasPrefix(id, want) || (id == "bob:x") != (want == "bob:x") {
			t.Errorf("got %q, want %q", id, want)
		}
	}
}

func TestFiftyThousandChildrenAreStreamed(t *testing.T) {
	w := run(t, vfs.NewMem(), nil)
	const n, batch = 50_000, 5_000
	for from := 0; from < n; from += batch {
		m := &apiv1.MultiRequest{}
		for i := range batch {
			m.Ops = append(m.Ops, &apiv1.MultiOp{Op: &apiv1.MultiOp_Create{Create: &apiv1.CreateRequest{Path: fmt.Sprintf("/n%06d", from+i)}}})
		}
		if _, err := w.keeper.Multi(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	s, err := w.keeper.List(t.Context(), &apiv1.ListRequest{Path: "/", View: apiv1.ListView_LIST_VIEW_STATS})
	if err != nil {
		t.Fatal(err)
	}
	var zxid uint64
	last, entries := "", 0
	for {
		piece, err := s.Recv()
		if err == io.EOF { //nolint:errorlint // gRPC returns it bare
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if zxid == 0 {
			zxid = piece.GetZxid()
		}
		for _, e := range piece.GetEntries() {
			if e.GetName() <= last || e.GetStat() == nil {
				t.Fatalf("%q after %q, stat %v", e.GetName(), last, e.GetStat())
			}
			last = e.GetName()
			entries++
		}
		if piece.GetZxid() != zxid {
			t.Errorf("pieces of the versions %d and %d", zxid, piece.GetZxid())
		}
	}
	if entries != n+1 {
		t.Errorf("%d entries, want %d and /zookeeper", entries, n)
	}
}
