package api

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

func TestKindsHaveTheSameNumbers(t *testing.T) {
	for wire, kind := range map[apiv1.NodeKind]txn.Kind{
		apiv1.NodeKind_NODE_KIND_UNSPECIFIED: txn.Persistent,
		apiv1.NodeKind_NODE_KIND_PERSISTENT:  txn.Persistent,
		apiv1.NodeKind_NODE_KIND_EPHEMERAL:   txn.Ephemeral,
		apiv1.NodeKind_NODE_KIND_CONTAINER:   txn.Container,
		apiv1.NodeKind_NODE_KIND_TTL:         txn.TTL,
	} {
		if got := kindIn(wire); got != kind {
			t.Errorf("%v became %v, want %v", wire, got, kind)
		}
	}
	if n := apiv1.NodeKind_NODE_KIND_TTL.Descriptor().Values().Len(); n != 5 {
		t.Errorf("%d kinds in the proto file: translate the new one", n)
	}
}

// TestStatIsComplete sets every field and wants to see every field.
func TestStatIsComplete(t *testing.T) {
	got := statOf(tree.Stat{
		Czxid: 1, Mzxid: 2, Pzxid: 3, Ctime: 4, Mtime: 5, Version: 6, Cversion: 7, Aversion: 8,
		Owner: 9, DataLength: 10, NumChildren: 11, Kind: txn.TTL, TTL: 13,
	})
	want := &apiv1.Stat{
		Czxid: 1, Mzxid: 2, Pzxid: 3, CtimeMs: 4, MtimeMs: 5, Version: 6, Cversion: 7, Aversion: 8,
		Owner: 9, DataLength: 10, NumChildren: 11, Kind: apiv1.NodeKind_NODE_KIND_TTL, TtlMs: 13,
	}
	if !proto.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	fields := got.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		if f := fields.Get(i); !got.ProtoReflect().Has(f) {
			t.Errorf("%s is not set", protoreflect.Name(f.Name()))
		}
	}
}

func TestVersionAbsentIsAny(t *testing.T) {
	if v := version(nil); v != tree.AnyVersion {
		t.Errorf("absent became %d", v)
	}
	for _, want := range []int32{0, 7, -1} {
		if v := version(&want); v != want {
			t.Errorf("%d became %d", want, v)
		}
	}
}

func TestRequestsThatNoTreeWouldTake(t *testing.T) {
	k := New(Config{MaxValue: 10, MaxLists: 1})
	big := make([]byte, 11)
	create := func(r *apiv1.CreateRequest) *apiv1.MultiRequest {
		return &apiv1.MultiRequest{Ops: []*apiv1.MultiOp{
			{Op: &apiv1.MultiOp_Delete{Delete: &apiv1.DeleteRequest{Path: "/x"}}},
			{Op: &apiv1.MultiOp_Create{Create: r}},
		}}
	}
	for _, tc := range []struct {
		name string
		req  *apiv1.MultiRequest
		want fault.Kind
		op   int
	}{
		{"unknown kind", create(&apiv1.CreateRequest{Path: "/a", Kind: 99}), fault.BadArguments, 2},
		{"negative kind", create(&apiv1.CreateRequest{Path: "/a", Kind: -1}), fault.BadArguments, 2},
		{"large value", create(&apiv1.CreateRequest{Path: "/a", Data: big}), fault.TooLarge, 2},
		{"large set", &apiv1.MultiRequest{Ops: []*apiv1.MultiOp{{Op: &apiv1.MultiOp_Set{Set: &apiv1.SetRequest{Path: "/a", Data: big}}}}}, fault.TooLarge, 1},
		{"no operation", &apiv1.MultiRequest{Ops: []*apiv1.MultiOp{{}}}, fault.BadArguments, 1},
		{"nil operation", &apiv1.MultiRequest{Ops: []*apiv1.MultiOp{nil}}, fault.BadArguments, 1},
		{"too many", &apiv1.MultiRequest{Ops: make([]*apiv1.MultiOp, maxOps+1)}, fault.TooLarge, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := k.multi(tc.req, 0)
			f, ok := err.(*fault.Error) //nolint:errorlint // bare at this place
			if !ok || f.Kind != tc.want || f.Op != tc.op {
				t.Errorf("got %v, want %v at operation %d", err, tc.want, tc.op)
			}
		})
	}
}

func TestNullAndEmptyDataAreToldApart(t *testing.T) {
	k := New(Config{MaxValue: 10, MaxLists: 1})
	for name, data := range map[string][]byte{"null": nil, "empty": {}, "full": []byte("x")} {
		wire, err := proto.Marshal(&apiv1.CreateRequest{Path: "/a", Data: data})
		if err != nil {
			t.Fatal(err)
		}
		var r apiv1.CreateRequest
		if err := proto.Unmarshal(wire, &r); err != nil {
			t.Fatal(err)
		}
		op, err := k.create(&r, 0)
		if err != nil || (op.Data == nil) != (data == nil) || string(op.Data) != string(data) {
			t.Errorf("%s: got %v, %v", name, op, err)
		}
	}
}
