package peer

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	txnv1 "github.com/quorate/quorate/gen/quorate/txn/v1"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// overTheWire is what the other side reads of m.
func overTheWire[M proto.Message](t testing.TB, m, read M) M {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatalf("%v cannot be sent: %v", m, err)
	}
	if err := proto.Unmarshal(b, read); err != nil {
		t.Fatal(err)
	}
	return read
}

// forwarded is what the leader makes of a learner's request.
func forwarded(t testing.TB, r Request) Request {
	t.Helper()
	m, err := encodeRequest(r)
	if err != nil {
		t.Fatalf("%+v: %v", r, err)
	}
	got, err := decodeRequest(overTheWire(t, m, &quorumv1.Request{}))
	if err != nil {
		t.Fatalf("%+v: %v", r, err)
	}
	return got
}

// requests are one of each kind, with every field set.
func requests() []tree.Request {
	acl := []txn.ACE{{Perms: txn.MayAll, Scheme: "digest", ID: "ann:x"}, {Perms: txn.MayRead, Scheme: "world", ID: "anyone"}}
	nodes := []tree.Request{
		&tree.CreateRequest{Path: "/a", Data: []byte("x"), ACL: acl, Kind: txn.Ephemeral, Owner: 7 << 56},
		&tree.CreateRequest{Path: "/a/", ACL: acl, Kind: txn.TTL, Sequential: true, TTL: txn.MaxTTL},
		&tree.DeleteRequest{Path: "/a", Version: 3},
		&tree.SetRequest{Path: "/a", Data: []byte("y"), Version: tree.AnyVersion},
		&tree.SetACLRequest{Path: "/a", ACL: acl, Version: -2147483648},
		&tree.CheckRequest{Path: "/a", Version: 2147483647},
	}
	return append(nodes,
		&tree.MultiRequest{Ops: nodes},
		&tree.MultiRequest{Ops: []tree.Request{}},
		&tree.CreateSessionRequest{CreateSession: txn.CreateSession{Session: 1<<56 + 1, Timeout: 4000, TokenHash: []byte("hash")}},
		&tree.CloseSessionRequest{CloseSession: txn.CloseSession{Session: 1<<56 + 1}},
	)
}

// TestForwardedRequestIsTheSame for each kind of request and with all that is said about who asks.
func TestForwardedRequestIsTheSame(t *testing.T) {
	for _, op := range requests() {
		want := Request{
			Op: op, Author: "digest:ann", Session: 9 << 56, Cxid: -4, Attached: true,
			Caller: tree.Caller{{Scheme: "ip", ID: "10.0.0.1"}, {Scheme: "super"}},
		}
		if got := forwarded(t, want); !reflect.DeepEqual(got, want) {
			t.Errorf("%T arrives as\n%+v %+v, want\n%+v %+v", op, got, got.Op, want, want.Op)
		}
	}
}

// TestForwardKnowsEveryField: a field that is added to a request, a reply or a fault must be
// taken along, so every one of these types is filled with values that are not zero.
func TestForwardKnowsEveryField(t *testing.T) {
	create := &tree.CreateRequest{}
	for _, op := range []tree.Request{
		create, &tree.DeleteRequest{}, &tree.SetRequest{}, &tree.SetACLRequest{}, &tree.CheckRequest{},
		&tree.CreateSessionRequest{}, &tree.CloseSessionRequest{},
	} {
		fill(t, reflect.ValueOf(op).Elem())
		create.Kind = txn.Container
		want := Request{Op: op}
		if got := forwarded(t, want); !reflect.DeepEqual(got, want) {
			t.Errorf("%T arrives as\n%+v, want\n%+v", op, got.Op, want.Op)
		}
	}
	want := Reply{Zxid: 5, Results: make([]tree.Result, 1)}
	fill(t, reflect.ValueOf(&want.Results[0]).Elem())
	want.Results[0].Stat.Kind = txn.TTL
	m := overTheWire(t, encodeReply(1, want, want.Zxid, nil), &quorumv1.Reply{})
	if got, err := decodeReply(m); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the reply arrives as\n%+v, %v, want\n%+v", got, err, want)
	}
	refused := &fault.Error{}
	fill(t, reflect.ValueOf(refused).Elem())
	refused.Cause, refused.Kind = nil, fault.BadVersion
	_, err := decodeReply(overTheWire(t, encodeReply(1, Reply{}, refused.Zxid, refused), &quorumv1.Reply{}))
	if !reflect.DeepEqual(err, refused) {
		t.Errorf("the refusal arrives as\n%#v, want\n%#v", err, refused)
	}
}

// fill sets every field to something that is not zero. A kind of field that it does not know
// has come since: it belongs into forward.go, and then here.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	case reflect.String:
		v.SetString("/s")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(6)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0))
	case reflect.Interface: // an error's cause
	default:
		t.Fatalf("a %v", v.Type())
	}
}

// TestNullAndEmptyAreToldApart on the way to the leader.
func TestNullAndEmptyAreToldApart(t *testing.T) {
	for _, data := range [][]byte{nil, {}, {0}} {
		create := forwarded(t, Request{Op: &tree.CreateRequest{Path: "/a", ACL: tree.OpenACL(), Data: data}}).Op.(*tree.CreateRequest)
		set := forwarded(t, Request{Op: &tree.SetRequest{Path: "/a", Data: data}}).Op.(*tree.SetRequest)
		for _, got := range [][]byte{create.Data, set.Data} {
			if (got == nil) != (data == nil) || string(got) != string(data) {
				t.Errorf("%#v arrives as %#v", data, got)
			}
		}
	}
}

// TestNoSuchRequestIsForwarded: what the leader would refuse and the protocol cannot say is
// refused where it was asked.
func TestNoSuchRequestIsForwarded(t *testing.T) {
	bad := []txn.ACE{{Perms: 1, Scheme: "sasl", ID: "\xff"}}
	for name, tc := range map[string]struct {
		op   tree.Request
		kind fault.Kind
		at   int
	}{
		"membership":           {&tree.MembershipRequest{}, fault.BadArguments, 0},
		"nothing":              {nil, fault.BadArguments, 0},
		"membership in multi":  {&tree.MultiRequest{Ops: []tree.Request{&tree.CheckRequest{}, &tree.MembershipRequest{}}}, fault.BadArguments, 2},
		"multi in multi":       {&tree.MultiRequest{Ops: []tree.Request{&tree.MultiRequest{}}}, fault.BadArguments, 1},
		"session in multi":     {&tree.MultiRequest{Ops: []tree.Request{&tree.CloseSessionRequest{}}}, fault.BadArguments, 1},
		"id not UTF-8":         {&tree.CreateRequest{Path: "/a", ACL: bad}, fault.InvalidACL, 0},
		"id not UTF-8, multi":  {&tree.MultiRequest{Ops: []tree.Request{&tree.SetACLRequest{Path: "/a", ACL: bad}}}, fault.InvalidACL, 1},
		"scheme is not UTF-8":  {&tree.SetACLRequest{Path: "/a", ACL: []txn.ACE{{Perms: 1, Scheme: "\xff"}}}, fault.InvalidACL, 0},
		"id not UTF-8, second": {&tree.CreateRequest{Path: "/a", ACL: append(tree.OpenACL(), bad...)}, fault.InvalidACL, 0},
	} {
		_, err := encodeRequest(Request{Op: tc.op})
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != tc.kind || f.Op != tc.at {
			t.Errorf("%s: %v; want %v at operation %d", name, err, tc.kind, tc.at)
		}
	}
}

// TestWhatIsNotUTF8IsJudgedAlike by the tree, on a leader and forwarded to one.
func TestWhatIsNotUTF8IsJudgedAlike(t *testing.T) {
	tip := tree.New().Edit()
	private := []txn.ACE{{Perms: txn.MayAll, Scheme: "x509", ID: "\uFFFD"}}
	op, err := tip.Prepare(&tree.CreateRequest{Path: "/p", ACL: private}, nil, tree.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	tip.Apply(&txn.Txn{Header: txn.Header{Zxid: txn.MakeZxid(1, 1)}, Op: op})
	for name, r := range map[string]Request{
		"path of a creation":  {Op: &tree.CreateRequest{Path: "/\xff", ACL: tree.OpenACL()}},
		"path, in its middle": {Op: &tree.CreateRequest{Path: "/p\xff/b", ACL: tree.OpenACL()}},
		"replaced character":  {Op: &tree.CreateRequest{Path: "/\uFFFDx", ACL: tree.OpenACL()}},
		"path with a slash":   {Op: &tree.CreateRequest{Path: "/\xff/", ACL: tree.OpenACL(), Sequential: true}},
		"path of a deletion":  {Op: &tree.DeleteRequest{Path: "/a\xff"}},
		"path of a set":       {Op: &tree.SetRequest{Path: "/a\xff"}},
		"path of an acl":      {Op: &tree.SetACLRequest{Path: "/a\xff", ACL: tree.OpenACL()}},
		"path of a check":     {Op: &tree.CheckRequest{Path: "/a\xff"}},
		"identity":            {Op: &tree.SetRequest{Path: "/p", Version: -1}, Caller: tree.Caller{{Scheme: "x509", ID: "\xff"}}},
		"identity's scheme":   {Op: &tree.SetRequest{Path: "/p", Version: -1}, Caller: tree.Caller{{Scheme: "\xffsuper"}}},
		"super":               {Op: &tree.SetRequest{Path: "/p", Version: -1}, Caller: tree.Caller{{Scheme: "super", ID: "\xff"}}},
		"own list":            {Op: &tree.SetACLRequest{Path: "/zookeeper/quota", ACL: []txn.ACE{{Perms: 1, Scheme: "auth"}}}, Caller: tree.Caller{{Scheme: "sasl", ID: "\xff"}}},
		"author":              {Op: &tree.SetRequest{Path: "/", Version: -1}, Author: "sasl:\xff"},
	} {
		_, here := tip.Prepare(r.Op, r.Caller, tree.Limits{})
		there := forwarded(t, r)
		_, err := tip.Prepare(there.Op, there.Caller, tree.Limits{})
		if (here == nil) != (err == nil) || here != nil && fault.Of(here) != fault.Of(err) {
			t.Errorf("%s: here %v, forwarded %v", name, here, err)
		}
	}
}

// TestRequestsThatMakeNoSense come from a later release, or from no server at all.
func TestRequestsThatMakeNoSense(t *testing.T) {
	create := func(k txnv1.NodeKind) *quorumv1.Operation {
		return &quorumv1.Operation{Op: &quorumv1.Operation_Create{Create: &quorumv1.CreateOperation{Path: "/a", Kind: k}}}
	}
	multi := func(ops ...*quorumv1.Operation) *quorumv1.Operation {
		return &quorumv1.Operation{Op: &quorumv1.Operation_Multi{Multi: &quorumv1.MultiOperation{Ops: ops}}}
	}
	session := &quorumv1.Operation{Op: &quorumv1.Operation_CreateSession{}}
	for name, tc := range map[string]struct {
		op *quorumv1.Operation
		at int
	}{
		"no operation":        {nil, 0},
		"an unknown one":      {&quorumv1.Operation{}, 0},
		"an unknown one in":   {multi(create(1), &quorumv1.Operation{}), 2},
		"multi in multi":      {multi(multi()), 1},
		"session in multi":    {multi(create(1), create(2), session), 3},
		"a fifth kind":        {create(5), 0},
		"kind below 0":        {create(-1), 0},
		"kind beyond a byte":  {create(257), 0},
		"no operation, multi": {multi(nil), 1},
	} {
		got, err := decodeRequest(&quorumv1.Request{Operation: tc.op})
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != fault.BadArguments || f.Op != tc.at || got.Op != nil {
			t.Errorf("%s: %+v, %v; want BAD_ARGUMENTS at operation %d", name, got, err, tc.at)
		}
	}
	if r, err := decodeRequest(&quorumv1.Request{Operation: session}); err != nil || r.Op == nil {
		t.Errorf("a session without content is judged when it is prepared, not here: %+v, %v", r, err)
	}
}

// TestRepliesArriveWithTheirZxid: it is what the learner waits for.
func TestRepliesArriveWithTheirZxid(t *testing.T) {
	at := txn.MakeZxid(3, 9)
	stat := tree.Stat{Czxid: at, Mzxid: at, Pzxid: at, Ctime: 1, Mtime: 2, Version: -5, Cversion: 6, Kind: txn.Persistent}
	for name, want := range map[string]Reply{
		"one":         {Zxid: at, Results: []tree.Result{{Path: "/a-0000000001", Stat: stat}}},
		"several":     {Zxid: at, Results: []tree.Result{{Path: "/a", Stat: stat}, {}, {Path: "/b"}}},
		"none":        {Zxid: at, Results: []tree.Result{}},
		"no node":     {Zxid: at, Results: []tree.Result{{}}},
		"not a zxid":  {Zxid: 0, Results: []tree.Result{{}}},
		"all of them": {Zxid: at, Results: make([]tree.Result, 300)},
	} {
		m := overTheWire(t, encodeReply(77, want, want.Zxid, nil), &quorumv1.Reply{})
		got, err := decodeReply(m)
		if err != nil || !reflect.DeepEqual(got, want) || m.GetId() != 77 || m.GetAtZxid() != uint64(want.Zxid) {
			t.Errorf("%s: %v arrives as %+v, %v; want %+v", name, m, got, err, want)
		}
	}
}

// TestRefusalsArrive with everything a client may be told, of every kind.
func TestRefusalsArrive(t *testing.T) {
	at := txn.MakeZxid(3, 9)
	refused := func(err error) *fault.Error {
		reply, got := decodeReply(overTheWire(t, encodeReply(1, Reply{Zxid: 4}, at, err), &quorumv1.Reply{}))
		var f *fault.Error
		if !errors.As(got, &f) || f.Zxid != at || reply.Zxid != 0 {
			t.Errorf("%v arrives as %+v, %#v at %v", err, reply, got, at)
			return &fault.Error{}
		}
		return f
	}
	for _, k := range fault.Kinds() {
		want := &fault.Error{Kind: k, Path: "/a", Detail: "words", Version: -7, Op: 3, Zxid: at, RetryAfter: 1500 * time.Millisecond}
		if got := refused(want); !reflect.DeepEqual(got, want) || got.Error() != want.Error() {
			t.Errorf("%v arrives as\n%#v, want\n%#v", k, got, want)
		}
	}
	for _, want := range []*fault.Error{
		{Kind: fault.NoSpace, Cause: errors.New("the disk")},
		{Kind: fault.NoSpace, Detail: "words", Op: 2, Path: "/a", Cause: errors.New("the disk")},
		{Kind: fault.NoNode, Path: "/a"},
	} {
		if got := refused(want); got.Error() != want.Error() || got.Kind != want.Kind {
			t.Errorf("%q arrives as %q", want, got)
		}
	}
	if got := refused(&fault.Error{Kind: fault.InvalidPath, Path: "/\xff", Detail: "\xff"}); got.Path != "/\uFFFD" || got.Detail != "\uFFFD" {
		t.Errorf("arrived as %#v", got)
	}
	if got := refused(errors.New("a \xff fault of the server")); got.Kind != fault.Internal || !strings.Contains(got.Detail, "fault of the server") {
		t.Errorf("arrived as %#v", got)
	}
}

// TestRepliesThatMakeNoSense come from a later release, or from no leader at all.
func TestRepliesThatMakeNoSense(t *testing.T) {
	for name, m := range map[string]*quorumv1.Reply{
		"kind beyond a byte": {AtZxid: 8, Results: []*quorumv1.Result{{Stat: &quorumv1.Stat{Kind: 257}}}},
		"a fifth kind":       {AtZxid: 8, Results: []*quorumv1.Result{{}, {Stat: &quorumv1.Stat{Kind: 5}}}},
	} {
		r, err := decodeReply(m)
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != fault.Unknown || f.Zxid != 8 || r.Results != nil {
			t.Errorf("%s: %+v, %v; the outcome is not known", name, r, err)
		}
	}
	for name, m := range map[string]*quorumv1.Fault{
		"nothing":         {},
		"a later kind":    {Kind: "NEW"},
		"below 0":         {Op: -1, RetryAfter: durationpb.New(-time.Second)},
		"no duration":     {RetryAfter: &durationpb.Duration{Seconds: 1 << 62}},
		"numbers no kind": {Kind: "KIND_3"},
	} {
		_, err := decodeReply(&quorumv1.Reply{Fault: m})
		if want := (&fault.Error{Kind: fault.Internal}); !reflect.DeepEqual(err, want) {
			t.Errorf("%s: %#v", name, err)
		}
	}
}

// TestForwardRandomly sends random requests and replies over the wire and back.
func TestForwardRandomly(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for range 3000 {
		want := randomRequest(rng)
		if got := forwarded(t, want); !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v %+v\narrives as %+v %+v", want, want.Op, got, got.Op)
		}
		weighed(t, want)
		reply := Reply{Zxid: txn.Zxid(rng.Uint64()), Results: []tree.Result{}}
		for range rng.IntN(4) {
			reply.Results = append(reply.Results, randomResult(rng))
		}
		got, err := decodeReply(overTheWire(t, encodeReply(rng.Uint64(), reply, reply.Zxid, nil), &quorumv1.Reply{}))
		if err != nil || !reflect.DeepEqual(got, reply) {
			t.Fatalf("%+v\narrives as %+v, %v", reply, got, err)
		}
	}
}

// weighed holds the estimate against the message with the request in it.
func weighed(t *testing.T, r Request) {
	t.Helper()
	m, err := encodeRequest(r)
	if err != nil {
		t.Fatal(err)
	}
	m.Id = 1<<64 - 1
	size := proto.Size(&quorumv1.SyncRequest{Step: &quorumv1.SyncRequest_Request{Request: m}})
	if w := r.Weight(); w < size || w > 3*size+4*requestWeight {
		t.Fatalf("%+v %+v takes %d bytes, and %d were estimated", r, r.Op, size, w)
	}
}

// TestWeightIsNotExceeded by numbers that take the most there can be.
func TestWeightIsNotExceeded(t *testing.T) {
	long := strings.Repeat("x", 1<<21)
	ops := []tree.Request{
		&tree.CreateRequest{Path: long, Data: []byte(long), Kind: txn.TTL, Sequential: true, TTL: -1, Owner: 1<<64 - 1, ACL: []txn.ACE{{Perms: 1<<32 - 1, Scheme: long, ID: long}}},
		&tree.SetRequest{Path: long, Data: []byte(long), Version: -1 << 31},
		&tree.SetACLRequest{Path: long, Version: -1 << 31, ACL: []txn.ACE{{Perms: 1<<32 - 1, Scheme: long, ID: long}}},
		&tree.DeleteRequest{Path: long, Version: -1 << 31},
		&tree.CheckRequest{Path: long, Version: -1 << 31},
		&tree.CreateSessionRequest{CreateSession: txn.CreateSession{Session: 1<<64 - 1, Timeout: -1, TokenHash: []byte(long)}},
		&tree.CloseSessionRequest{CloseSession: txn.CloseSession{Session: 1<<64 - 1}},
	}
	for _, op := range append(ops, &tree.MultiRequest{Ops: ops[:5]}) {
		weighed(t, Request{Op: op, Session: 1<<64 - 1, Cxid: -1, Author: long, Caller: tree.Caller{{Scheme: long, ID: long}}})
	}
}

func randomRequest(rng *rand.Rand) Request {
	r := Request{Author: randomText(rng), Session: txn.SessionID(rng.Uint64()), Cxid: int64(rng.Uint64())}
	for range rng.IntN(3) {
		r.Caller = append(r.Caller, tree.ID{Scheme: randomText(rng), ID: randomText(rng)})
	}
	switch rng.IntN(4) {
	case 0:
		multi := &tree.MultiRequest{Ops: []tree.Request{}}
		for range rng.IntN(5) {
			multi.Ops = append(multi.Ops, randomNodeRequest(rng))
		}
		r.Op = multi
	case 1:
		r.Op = &tree.CreateSessionRequest{CreateSession: txn.CreateSession{Session: r.Session, Timeout: int64(rng.Uint64()), TokenHash: []byte("0123")}}
	default:
		r.Op = randomNodeRequest(rng)
	}
	return r
}

func randomNodeRequest(rng *rand.Rand) tree.Request {
	path, version := randomText(rng), int32(rng.Uint32())
	data := [][]byte{nil, {}, make([]byte, 300)}[rng.IntN(3)]
	acl := []txn.ACE{}
	for range rng.IntN(3) {
		acl = append(acl, txn.ACE{Perms: txn.Perms(rng.Uint32()), Scheme: randomText(rng), ID: randomText(rng)})
	}
	switch rng.IntN(5) {
	case 0:
		return &tree.DeleteRequest{Path: path, Version: version}
	case 1:
		return &tree.SetRequest{Path: path, Data: data, Version: version}
	case 2:
		return &tree.SetACLRequest{Path: path, ACL: acl, Version: version}
	case 3:
		return &tree.CheckRequest{Path: path, Version: version}
	}
	return &tree.CreateRequest{
		Path: path, Data: data, ACL: acl, Kind: txn.Kind(rng.IntN(5)), Sequential: rng.IntN(2) == 0,
		TTL: int64(rng.Uint64()), Owner: txn.SessionID(rng.Uint64()),
	}
}

func randomResult(rng *rand.Rand) tree.Result {
	if rng.IntN(3) == 0 {
		return tree.Result{Path: randomText(rng)}
	}
	n := func() int32 { return int32(rng.Uint32()) }
	return tree.Result{Path: randomText(rng), Stat: tree.Stat{
		Czxid: txn.Zxid(rng.Uint64()), Mzxid: txn.Zxid(rng.Uint64()), Pzxid: txn.Zxid(rng.Uint64()), Ctime: int64(rng.Uint64()), Mtime: int64(rng.Uint64()),
		Version: n(), Cversion: n(), Aversion: n(), Owner: txn.SessionID(rng.Uint64()), DataLength: n(), NumChildren: n(),
		Kind: txn.Kind(1 + rng.IntN(4)), TTL: int64(rng.Uint64()),
	}}
}

func randomText(rng *rand.Rand) string {
	return []string{"", "a", "/über", "super", strings.Repeat("x", 200)}[rng.IntN(5)]
}

// FuzzDecodeRequest: whatever another server sends is a request, which then arrives the same
// once more, or a refusal.
func FuzzDecodeRequest(f *testing.F) {
	rng := rand.New(rand.NewPCG(13, 14))
	for range 20 {
		m, err := encodeRequest(randomRequest(rng))
		if err != nil {
			f.Fatal(err)
		}
		b, _ := proto.Marshal(m)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m quorumv1.Request
		if proto.Unmarshal(b, &m) != nil {
			return
		}
		r, err := decodeRequest(&m)
		var refused *fault.Error
		if err != nil && !errors.As(err, &refused) {
			t.Fatalf("%v is no refusal", err)
		}
		if err == nil && !reflect.DeepEqual(forwarded(t, r), r) {
			t.Fatalf("%+v %+v does not arrive the same", r, r.Op)
		}
	})
}

// FuzzDecodeReply: whatever a leader sends is a reply or a refusal.
func FuzzDecodeReply(f *testing.F) {
	rng := rand.New(rand.NewPCG(15, 16))
	for i := range 20 {
		reply, refused := Reply{Results: []tree.Result{randomResult(rng)}}, error(nil)
		if i%4 == 0 {
			refused = &fault.Error{Kind: fault.NoSpace, RetryAfter: time.Second}
		}
		b, _ := proto.Marshal(encodeReply(1, reply, 5, refused))
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m quorumv1.Reply
		if proto.Unmarshal(b, &m) != nil {
			return
		}
		reply, err := decodeReply(&m)
		again, err2 := decodeReply(overTheWire(t, encodeReply(m.GetId(), reply, txn.Zxid(m.GetAtZxid()), err), &quorumv1.Reply{}))
		if !reflect.DeepEqual(reply, again) || !reflect.DeepEqual(err, err2) {
			t.Fatalf("%+v, %#v\narrives as %+v, %#v", reply, err, again, err2)
		}
	})
}
