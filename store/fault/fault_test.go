package fault_test

import (
	"errors"
	"testing"

	"github.com/quorate/quorate/store/fault"
)

func TestErrorIsASentence(t *testing.T) {
	cause := errors.New("no space left on device")
	for _, c := range []struct {
		err  *fault.Error
		want string
	}{
		{fault.New(fault.NoNode, "/a", "no such %s", "node"), "/a: no such node"},
		{&fault.Error{Kind: fault.NotEmpty, Path: "/a", Op: 3}, "operation 3: /a: NOT_EMPTY"},
		{&fault.Error{Kind: fault.NoSpace, Detail: "the disk is full", Cause: cause}, "the disk is full: no space left on device"},
		{fault.New(fault.InvalidPath, "/a\x01b", "not allowed"), `"/a\x01b": not allowed`},
		{fault.New(fault.NoNode, "/café au lait", "no such node"), "/café au lait: no such node"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestKindsHaveDistinctNames(t *testing.T) {
	seen := map[string]fault.Kind{}
	for _, k := range fault.Kinds() {
		if other, twice := seen[k.String()]; twice || k.String() == "" {
			t.Errorf("kinds %d and %d are both %q", k, other, k.String())
		}
		seen[k.String()] = k
	}
	if got := fault.Kind(200).String(); got != "KIND_200" {
		t.Errorf("an unknown kind is %q", got)
	}
}

func TestKindOfAChain(t *testing.T) {
	inner := fault.New(fault.BadVersion, "/a", "version is 3")
	outer := errors.Join(errors.New("while doing something"), inner)
	if fault.Of(outer) != fault.BadVersion || !fault.Is(outer, fault.BadVersion) || fault.Is(outer, fault.NoNode) {
		t.Error("the kind is not found in the chain")
	}
	if fault.Of(errors.New("other")) != fault.Internal || fault.Is(nil, fault.Internal) {
		t.Error("an error without a kind")
	}
}
