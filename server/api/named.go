package api

import (
	"context"
	"time"

	"google.golang.org/grpc/metadata"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/server/identity"
	"github.com/quorate/quorate/server/session"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// SessionHeader is the key of the metadata with which a call names its session, by the credential that OpenSession
// or Session gave out.
const SessionHeader = "quorate-session"

// credentialOf returns the credential in a call's metadata; false if there is none.
func credentialOf(ctx context.Context) (session.Credential, bool, error) {
	said := metadata.ValueFromIncomingContext(ctx, SessionHeader)
	switch len(said) {
	case 0:
		return session.Credential{}, false, nil
	case 1:
		c, err := session.ParseCredential(said[0])
		return c, true, err
	}
	return session.Credential{}, false, fault.New(fault.BadArguments, "", "%s stands %d times; a call has one session", SessionHeader, len(said))
}

// named returns the session that a call names. Without one it is an error of kind NoSession.
func (k *Keeper) named(ctx context.Context) (session.Session, error) {
	c, named, err := credentialOf(ctx)
	switch {
	case err != nil:
		return session.Session{}, err
	case !named:
		return session.Session{}, fault.New(fault.NoSession, "", "the call names no session: metadata %s is missing", SessionHeader)
	}
	return k.sessions.Verify(ctx, c)
}

// sessionOf returns the session that a call names, 0 if it names none.
func (k *Keeper) sessionOf(ctx context.Context) (txn.SessionID, error) {
	c, named, err := credentialOf(ctx)
	if err != nil || !named {
		return 0, err
	}
	s, err := k.sessions.Verify(ctx, c)
	return s.ID, err
}

// OpenSession opens a session, or makes sure that one is open.
func (k *Keeper) OpenSession(ctx context.Context, r *apiv1.OpenSessionRequest) (*apiv1.OpenSessionResponse, error) {
	if r.GetReadOnly() {
		return nil, Error(fault.New(fault.BadArguments, "", "read_only is for streams"))
	}
	if err := k.notBefore(ctx, txn.Zxid(r.GetLastZxid())); err != nil {
		return nil, Error(err)
	}
	c, s, err := k.openSession(ctx, r)
	if err != nil {
		return nil, Error(err)
	}
	return k.opened(c, s), nil
}

// openSession opens a session, or finds the one that is named.
func (k *Keeper) openSession(ctx context.Context, r *apiv1.OpenSessionRequest) (session.Credential, session.Session, error) {
	if r.GetCredential() == "" {
		caller := CallerOf(ctx)
		return k.sessions.Open(ctx, time.Duration(r.GetTimeoutMs())*time.Millisecond, caller, identity.Author(caller))
	}
	c, err := session.ParseCredential(r.GetCredential())
	if err != nil {
		return c, session.Session{}, err
	}
	s, err := k.sessions.Verify(ctx, c)
	return c, s, err
}

// opened is what a client is told of a session.
func (k *Keeper) opened(c session.Credential, s session.Session) *apiv1.OpenSessionResponse {
	m := &apiv1.OpenSessionResponse{
		Session: uint64(s.ID), Credential: c.String(), TimeoutMs: uint32(s.Timeout.Milliseconds()), Zxid: uint64(k.pipeline.Version().Zxid()),
		Local: s.Local,
	}
	if w := s.Last; w != (tree.Write{}) {
		m.LastWrite = &apiv1.LastWrite{Cxid: w.Cxid, Zxid: uint64(w.Zxid), Path: w.Path}
	}
	return m
}

// catchUp is how long a server makes a client wait that has seen more than the server has.
const catchUp = 2 * time.Second

// notBefore waits until this server has applied what a client has seen elsewhere, so that it never sees time go back.
func (k *Keeper) notBefore(ctx context.Context, z txn.Zxid) error {
	if z <= k.pipeline.Version().Zxid() {
		return nil
	}
	waiting, stop := context.WithTimeout(ctx, catchUp)
	defer stop()
	err := k.pipeline.Await(waiting, z)
	if err != nil && ctx.Err() == nil {
		return &fault.Error{
			Kind: fault.Unavailable, Zxid: k.pipeline.Version().Zxid(), RetryAfter: catchUp,
			Detail: "this server is behind what the client has seen: another one may not be",
		}
	}
	return err
}

// KeepAlive tells that a session's client is alive.
func (k *Keeper) KeepAlive(ctx context.Context, _ *apiv1.KeepAliveRequest) (*apiv1.KeepAliveResponse, error) {
	s, err := k.named(ctx)
	if err != nil {
		return nil, Error(err)
	}
	return &apiv1.KeepAliveResponse{TimeoutMs: uint32(s.Timeout.Milliseconds())}, nil
}

// CloseSession ends a session.
func (k *Keeper) CloseSession(ctx context.Context, _ *apiv1.CloseSessionRequest) (*apiv1.CloseSessionResponse, error) {
	s, err := k.named(ctx)
	if err != nil {
		return nil, Error(err)
	}
	caller := CallerOf(ctx)
	z, err := k.sessions.Close(ctx, s.ID, caller, identity.Author(caller))
	if err != nil {
		return nil, Error(err)
	}
	return &apiv1.CloseSessionResponse{Zxid: uint64(z)}, nil
}
