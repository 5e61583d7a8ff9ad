package acl_test

import (
	"strings"
	"testing"

	"github.com/quorate/quorate/cmd/quorate/internal/acl"
)

func TestParse(t *testing.T) {
	t.Parallel()
	list, err := acl.Parse("world:anyone:r, digest:ann:k1+/=:rwcda,ip:fe80::1:aw,auth::r")
	if err != nil {
		t.Fatal(err)
	}
	var back []string
	for _, a := range list {
		back = append(back, acl.Format(a))
	}
	if got, want := strings.Join(back, " "), "world:anyone:r digest:ann:k1+/=:rwcda ip:fe80::1:wa auth::r"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if list[1].GetPerms() != 31 || list[2].GetPerms() != 18 || list[2].GetId() != "fe80::1" {
		t.Errorf("got %v", list)
	}
	if empty, err := acl.Parse(""); err != nil || len(empty) != 0 {
		t.Errorf("empty text: %v, %v", empty, err)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"world", "world:anyone", "world:anyone:", "world:anyone:x", ":anyone:r", ",", "world:anyone:r,", "world:anyone:rä"} {
		if list, err := acl.Parse(text); err == nil {
			t.Errorf("%q: got %v, want an error", text, list)
		}
	}
}
