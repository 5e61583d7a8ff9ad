package api

import (
	"context"
	"crypto/sha1" //nolint:gosec // ZooKeeper's digest scheme is defined on it
	"encoding/base64"
	"net"
	"net/netip"
	"strings"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/quorate/quorate/store/tree"
)

// AuthHeader is the key of the metadata with which a client says who it is, as
// "digest user:password". It may stand several times; identities add up.
const AuthHeader = "quorate-auth"

// maxAuth is how many identities one call may claim.
const maxAuth = 16

// Authenticator tells who is calling. Its methods may be called by anybody.
type Authenticator struct {
	super string // the digest identity that may do everything; empty: none
}

// NewAuthenticator returns one that gives everything to whoever proves the
// digest identity superDigest, user:base64(sha1(user:password)); empty: to nobody.
func NewAuthenticator(superDigest string) *Authenticator { return &Authenticator{super: superDigest} }

// Authenticate puts the caller's identities into the context, where [CallerOf]
// finds them: the address always, then the subject of the client's certificate, then those that the call's metadata proves.
// Metadata that cannot be read is UNAUTHENTICATED. It is the auth function of
// gRPC's middleware.
func (a *Authenticator) Authenticate(ctx context.Context) (context.Context, error) {
	caller := make(tree.Caller, 0, 2)
	if ip, ok := remoteIP(ctx); ok {
		caller = append(caller, tree.ID{Scheme: "ip", ID: ip})
	}
	if subject := certified(ctx); subject != "" {
		caller = append(caller, tree.ID{Scheme: "x509", ID: subject})
	}
	claims := metadata.ValueFromIncomingContext(ctx, AuthHeader)
	if len(claims) > maxAuth {
		return nil, status.Errorf(codes.Unauthenticated, "%s stands %d times; %d is the most", AuthHeader, len(claims), maxAuth)
	}
	for _, claim := range claims {
		ids, err := a.prove(claim)
		if err != nil {
			return nil, err
		}
		caller = append(caller, ids...)
	}
	return context.WithValue(ctx, callerKey{}, caller), nil
}

// prove returns the identities that a claim proves.
func (a *Authenticator) prove(claim string) ([]tree.ID, error) {
	id, err := identity(claim)
	if err != nil {
		return nil, err
	}
	if a.super != "" && id.ID == a.super {
		return []tree.ID{id, {Scheme: "super"}}, nil
	}
	return []tree.ID{id}, nil
}

// identity reads one claim. What was claimed is not repeated in the error: it
// holds a password.
func identity(claim string) (tree.ID, error) {
	if !utf8.ValidString(claim) { // it would make a txn that no server can decode
		return tree.ID{}, status.Errorf(codes.Unauthenticated, "%s is not UTF-8", AuthHeader)
	}
	scheme, credentials, ok := strings.Cut(strings.TrimSpace(claim), " ")
	if !ok || scheme != "digest" {
		return tree.ID{}, status.Errorf(codes.Unauthenticated, "%s: want \"digest user:password\"; digest is the only scheme", AuthHeader)
	}
	user, password, ok := strings.Cut(strings.TrimSpace(credentials), ":")
	if !ok || user == "" {
		return tree.ID{}, status.Errorf(codes.Unauthenticated, "%s: want \"digest user:password\"", AuthHeader)
	}
	return tree.ID{Scheme: "digest", ID: Digest(user, password)}, nil
}

// Digest returns the identity of a user in the scheme digest, as it stands in
// access control lists: user:base64(sha1(user:password)).
func Digest(user, password string) string {
	sum := sha1.Sum([]byte(user + ":" + password)) //nolint:gosec // see above
	return user + ":" + base64.StdEncoding.EncodeToString(sum[:])
}

// certified returns the subject of the certificate that the client has shown, if somebody whom the server trusts vouches for it; as
// ZooKeeper writes it (RFC 2253), e.g. "CN=ann,O=example".
func certified(ctx context.Context) string {
	p, _ := peer.FromContext(ctx)
	if p == nil {
		return ""
	}
	secured, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(secured.State.VerifiedChains) == 0 {
		return ""
	}
	return strings.ToValidUTF8(secured.State.VerifiedChains[0][0].Subject.String(), "\uFFFD")
}

// remoteIP returns the address that the call comes from, if it comes over IP.
func remoteIP(ctx context.Context) (string, bool) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return "", false
	}
	tcp, ok := p.Addr.(*net.TCPAddr)
	if !ok {
		return "", false
	}
	ip, ok := netip.AddrFromSlice(tcp.IP)
	return ip.Unmap().String(), ok
}

type callerKey struct{}

// CallerOf returns the identities that Authenticate found; none without it.
func CallerOf(ctx context.Context) tree.Caller {
	caller, _ := ctx.Value(callerKey{}).(tree.Caller)
	return caller
}

// IsSuper tells whether the caller may do everything.
func IsSuper(c tree.Caller) bool {
	for _, id := range c {
		if id.Scheme == "super" {
			return true
		}
	}
	return false
}

// maxAuthor bounds in bytes what each txn holds of its author.
const maxAuthor = 256

// authorOf names the caller in the log: the first identity that was proved, else the address.
func authorOf(c tree.Caller) string {
	for _, id := range c {
		name := id.ID
		if id.Scheme == "digest" {
			name, _, _ = strings.Cut(name, ":") // the hash is a secret of the access control lists
		}
		if id.Scheme == "digest" || id.Scheme == "x509" {
			return id.Scheme + ":" + strings.ToValidUTF8(name[:min(len(name), maxAuthor)], "") // a character may be cut in two
		}
	}
	if len(c) == 0 {
		return ""
	}
	return c[0].Scheme + ":" + c[0].ID
}
