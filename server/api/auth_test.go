package api

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/quorate/quorate/server/identity"
	"github.com/quorate/quorate/store/tree"
)

// incoming is the context of a call from an address with claims.
func incoming(addr net.Addr, claims ...string) context.Context {
	ctx := peer.NewContext(context.Background(), &peer.Peer{Addr: addr})
	return metadata.NewIncomingContext(ctx, metadata.MD{AuthHeader: claims})
}

func tcp(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 4000} }

func TestAuthenticate(t *testing.T) {
	// ZooKeeper's own example: DigestAuthenticationProvider.generateDigest("super:test").
	const super = "super:D/InIHSb7yEEbrWz8b9l71RjZJU="
	a := NewAuthenticator(identity.NewProver(super))
	for _, tc := range []struct {
		name   string
		ctx    context.Context
		want   tree.Caller
		author string
	}{
		{"address", incoming(tcp("10.1.2.3")), tree.Caller{{Scheme: "ip", ID: "10.1.2.3"}}, "ip:10.1.2.3"},
		{"mapped address", incoming(tcp("::ffff:10.1.2.3")), tree.Caller{{Scheme: "ip", ID: "10.1.2.3"}}, "ip:10.1.2.3"},
		{"no address", incoming(&net.UnixAddr{Name: "@"}), tree.Caller{}, ""},
		{
			"digest", incoming(tcp("::1"), "digest bob:a:b"),
			tree.Caller{{Scheme: "ip", ID: "::1"}, {Scheme: "digest", ID: identity.Digest("bob", "a:b")}},
			"digest:bob",
		},
		{
			"super", incoming(tcp("::1"), "digest bob:x", "digest super:test"),
			tree.Caller{{Scheme: "ip", ID: "::1"}, {Scheme: "digest", ID: identity.Digest("bob", "x")}, {Scheme: "digest", ID: super}, {Scheme: "super"}},
			"digest:bob",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx, err := a.Authenticate(tc.ctx)
			if err != nil {
				t.Fatal(err)
			}
			got := CallerOf(ctx)
			if !slices.Equal(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
			if author := identity.Author(got); author != tc.author {
				t.Errorf("author %q, want %q", author, tc.author)
			}
			if identity.IsSuper(got) != (tc.name == "super") {
				t.Errorf("IsSuper is %v", identity.IsSuper(got))
			}
		})
	}
}

func TestAuthenticateRefuses(t *testing.T) {
	a := NewAuthenticator(identity.NewProver(""))
	for _, claims := range [][]string{
		{""},
		{"digest"},
		{"digest bob"},
		{"digest :secret"},
		{"basic bob:secret"},
		{"bob:secret"},
		{"digest bob:fine", "sasl bob:secret"},
		make([]string, identity.Max+1),
	} {
		_, err := a.Authenticate(incoming(tcp("::1"), claims...))
		if status.Code(err) != codes.Unauthenticated {
			t.Errorf("%q: got %v", claims, err)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the error shows the password: %v", claims, err)
		}
	}
}

func TestNobodyIsSuperUnlessConfigured(t *testing.T) {
	ctx, err := NewAuthenticator(identity.NewProver("")).Authenticate(incoming(tcp("::1"), "digest super:test"))
	if err != nil || identity.IsSuper(CallerOf(ctx)) {
		t.Errorf("got %v, %v", CallerOf(ctx), err)
	}
}
