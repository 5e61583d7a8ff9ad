package script_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/cmd/quorate/internal/script"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

func create(r *apiv1.CreateRequest) *apiv1.MultiOp {
	return &apiv1.MultiOp{Op: &apiv1.MultiOp_Create{Create: r}}
}

func set(r *apiv1.SetRequest) *apiv1.MultiOp {
	return &apiv1.MultiOp{Op: &apiv1.MultiOp_Set{Set: r}}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line string
		want *apiv1.MultiOp
	}{
		{`create /a`, create(&apiv1.CreateRequest{Path: "/a"})},
		{`create /a ""`, create(&apiv1.CreateRequest{Path: "/a", Data: []byte{}})},
		{`create /a data`, create(&apiv1.CreateRequest{Path: "/a", Data: []byte("data")})},
		{" \tcreate\t/a   'a b'  # comment", create(&apiv1.CreateRequest{Path: "/a", Data: []byte("a b")})},
		{`create "/a b" "x\n\t\r\"\\\x00\xff"`, create(&apiv1.CreateRequest{Path: "/a b", Data: []byte("x\n\t\r\"\\\x00\xff")})},
		{`create /a it' is 'on"e w"ord`, create(&apiv1.CreateRequest{Path: "/a", Data: []byte("it is one word")})},
		{`create /a#b '\n'`, create(&apiv1.CreateRequest{Path: "/a#b", Data: []byte(`\n`)})},
		{`create /a back\slash`, create(&apiv1.CreateRequest{Path: "/a", Data: []byte(`back\slash`)})},
		{`create -s /a/n- x`, create(&apiv1.CreateRequest{Path: "/a/n-", Data: []byte("x"), Sequential: true})},
		{`create -s -e /a`, create(&apiv1.CreateRequest{Path: "/a", Sequential: true, Kind: apiv1.NodeKind_NODE_KIND_EPHEMERAL})},
		{`create -c /a`, create(&apiv1.CreateRequest{Path: "/a", Kind: apiv1.NodeKind_NODE_KIND_CONTAINER})},
		{`create -s -t 1h /a`, create(&apiv1.CreateRequest{Path: "/a", Sequential: true, Kind: apiv1.NodeKind_NODE_KIND_TTL, TtlMs: 3600000})},
		{`create /a -1`, create(&apiv1.CreateRequest{Path: "/a", Data: []byte("-1")})},
		{`set /a x`, set(&apiv1.SetRequest{Path: "/a", Data: []byte("x")})},
		{`set /a '' 0`, set(&apiv1.SetRequest{Path: "/a", Data: []byte{}, Version: proto.Int32(0)})},
		{`set /a x -3`, set(&apiv1.SetRequest{Path: "/a", Data: []byte("x"), Version: proto.Int32(-3)})},
		{`delete /a`, &apiv1.MultiOp{Op: &apiv1.MultiOp_Delete{Delete: &apiv1.DeleteRequest{Path: "/a"}}}},
		{`delete /a 7`, &apiv1.MultiOp{Op: &apiv1.MultiOp_Delete{Delete: &apiv1.DeleteRequest{Path: "/a", Version: proto.Int32(7)}}}},
		{`check /a 2147483647`, &apiv1.MultiOp{Op: &apiv1.MultiOp_Check{Check: &apiv1.CheckRequest{Path: "/a", Version: proto.Int32(1<<31 - 1)}}}},
	} {
		p, err := script.Parse(script.Lines(c.line))
		if err != nil {
			t.Errorf("%s: %v", c.line, err)
			continue
		}
		if diff := cmp.Diff([]*apiv1.MultiOp{c.want}, p.Ops, protocmp.Transform()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.line, diff)
		}
	}
}

func TestParseNamesTheLine(t *testing.T) {
	t.Parallel()
	for line, says := range map[string]string{
		`frob /a`:              `"frob"`,
		`create`:               "want: create",
		`create /a b c`:        "want: create",
		`create -x /a`:         "-x",
		`create -t`:            "duration",
		`create -t soon /a`:    "soon",
		`create -t 1us /a`:     "1us",
		`set /a`:               "want: set",
		`set /a b 1 2`:         "want: set",
		`set /a b c`:           `"c"`,
		`delete`:               "want: delete",
		`delete /a 2147483648`: `"2147483648"`,
		`check /a 1 2`:         "want: check",
		`create /a "open`:      `" is not closed`,
		`create /a 'open`:      `' is not closed`,
		`create /a "\`:         "end of the line",
		`create /a "\q"`:       `\q`,
		`create /a "\x1"`:      `\x1"`,
		`create /a "\xgg"`:     `\xgg`,
	} {
		_, err := script.Parse(script.Lines("check /ok\n# comment\n\n" + line))
		if err == nil || !strings.HasPrefix(err.Error(), "line 4: ") || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want line 4 and %s", line, err, says)
		}
	}
}

func TestLocate(t *testing.T) {
	t.Parallel()
	p, err := script.Parse(script.Lines("\ncheck /a\r\n# no\ncheck /b"))
	if err != nil {
		t.Fatal(err)
	}
	for op, want := range map[int]string{0: "m", 1: "line 2: m", 2: "line 4: m", 3: "m", -1: "m"} {
		if got := p.Locate(&client.Error{Op: op, Message: "m"}).Error(); got != want {
			t.Errorf("op %d: %q, want %q", op, got, want)
		}
	}
	if other := errors.New("other"); !errors.Is(p.Locate(other), other) {
		t.Error("another error is changed")
	}
}

// FuzzParse: no text makes it panic, and what it accepts has one line number for each operation.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"create /a 'b'", `set /a "\x00"`, "delete /a 1\ncheck /b", `create -t 1h -s /a "`, "\\", "#"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := script.Parse(script.Lines(text))
		if err == nil && len(p.Ops) != len(p.LineOf) {
			t.Errorf("%d operations, %d line numbers", len(p.Ops), len(p.LineOf))
		}
	})
}
