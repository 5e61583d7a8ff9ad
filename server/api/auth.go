package api

import (
	"context"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/quorate/quorate/server/identity"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
)

// AuthHeader is the key of the metadata with which a client says who it is, as
// "digest user:password". It may stand several times; identities add up.
const AuthHeader = "quorate-auth"

// Authenticator tells who is calling. Its methods may be called by anybody.
type Authenticator struct{ prover *identity.Prover }

// NewAuthenticator returns one that believes what prover does.
func NewAuthenticator(prover *identity.Prover) *Authenticator { return &Authenticator{prover} }

// Authenticate puts the caller's identities into the context, where [CallerOf]
// finds them: the address always, then the subject of the client's certificate, then those that the call's metadata proves.
// Metadata that cannot be read is UNAUTHENTICATED. It is the auth function of
// gRPC's middleware.
func (a *Authenticator) Authenticate(ctx context.Context) (context.Context, error) {
	caller := make(tree.Caller, 0, 2)
	if id, ok := remote(ctx); ok {
		caller = append(caller, id)
	}
	if id, ok := certified(ctx); ok {
		caller = append(caller, id)
	}
	claims := metadata.ValueFromIncomingContext(ctx, AuthHeader)
	if len(claims) > identity.Max {
		return nil, status.Errorf(codes.Unauthenticated, "%s stands %d times; %d is the most", AuthHeader, len(claims), identity.Max)
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
	scheme, credentials, _ := strings.Cut(strings.TrimSpace(claim), " ")
	ids, err := a.named(scheme, strings.TrimSpace(credentials))
	if err != nil {
		return nil, status.Errorf(codes.Unauthenticated, "%s: %v", AuthHeader, err)
	}
	return ids, nil
}

// named returns the identities that user:password proves: anything else is a mistake that ZooKeeper would not notice.
func (a *Authenticator) named(scheme, credentials string) ([]tree.ID, error) {
	if !identity.Named(credentials) {
		return nil, fault.New(fault.AuthFailed, "", "want \"digest user:password\"")
	}
	return a.prover.Prove(scheme, credentials)
}

// certified returns the identity that the client has by its certificate.
func certified(ctx context.Context) (tree.ID, bool) {
	p, _ := peer.FromContext(ctx)
	if p == nil {
		return tree.ID{}, false
	}
	secured, _ := p.AuthInfo.(credentials.TLSInfo)
	return identity.OfCertificate(secured.State.VerifiedChains)
}

// remote returns the identity of the address that the call comes from, if it comes over IP.
func remote(ctx context.Context) (tree.ID, bool) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return tree.ID{}, false
	}
	return identity.OfAddress(p.Addr)
}

type callerKey struct{}

// CallerOf returns the identities that Authenticate found; none without it.
func CallerOf(ctx context.Context) tree.Caller {
	caller, _ := ctx.Value(callerKey{}).(tree.Caller)
	return caller
}
