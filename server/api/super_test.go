package api

import (
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/quorate/quorate/server/identity"
)

// The name of the super user is no secret; its password makes it one.
func TestSuperNeedsItsPassword(t *testing.T) {
	a := NewAuthenticator(identity.NewProver(identity.Digest("super", "test")))
	for _, claim := range []string{"digest super:guess", "digest super:", "digest sup:test", "digest SUPER:test"} {
		ctx, err := a.Authenticate(incoming(tcp("::1"), claim))
		if err != nil || identity.IsSuper(CallerOf(ctx)) {
			t.Errorf("%q is super, %v", claim, err)
		}
	}
}

// Claims are counted before they are read: each costs a hash.
func TestClaimsAreBounded(t *testing.T) {
	a := NewAuthenticator(identity.NewProver(""))
	most := slices.Repeat([]string{"digest bob:x"}, identity.Max)
	if _, err := a.Authenticate(incoming(tcp("::1"), most...)); err != nil {
		t.Errorf("%d claims: %v", identity.Max, err)
	}
	if _, err := a.Authenticate(incoming(tcp("::1"), append(most, "digest bob:x")...)); status.Code(err) != codes.Unauthenticated {
		t.Errorf("%d claims: %v", identity.Max+1, err)
	}
}
