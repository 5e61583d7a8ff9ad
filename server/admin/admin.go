package admin

import (
	"context"
	"time"

	adminv1 "github.com/quorate/quorate/gen/quorate/admin/v1"
	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/server/api"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
)

// Config is what an Admin looks at and turns.
type Config struct {
	// Store, Peer and Version are what Status tells about.
	Store   *store.Store
	Peer    *peer.Peer
	Version func() *tree.Version
	// SetLogLevel changes the log level and returns the one before.
	SetLogLevel func(level string) (previous string, err error)
	// NeedSuper makes what changes something need the super identity.
	NeedSuper bool
	// Build is the version of the program, Started when it began, and
	// ClientAddress where it serves clients.
	Build         string
	Started       time.Time
	ClientAddress string
}

// Admin serves quorate.admin.v1.Admin. Its methods may be called by anybody.
type Admin struct {
	adminv1.UnimplementedAdminServer
	Config
}

// New returns an Admin.
func New(c Config) *Admin { return &Admin{Config: c} }

// Status tells how this server is.
func (a *Admin) Status(context.Context, *adminv1.StatusRequest) (*adminv1.StatusResponse, error) {
	s, p, v, id := a.Store.Stats(), a.Peer.Status(), a.Version(), a.Store.Identity()
	return &adminv1.StatusResponse{
		Id: uint32(id.Server), Role: role(p.Role), Reason: p.Reason, Epoch: uint32(p.Epoch),
		LastLogged: uint64(s.Last), LastDurable: uint64(s.Durable), LastCommitted: uint64(p.Committed), LastApplied: uint64(v.Zxid()),
		Nodes: uint64(v.Len()), Sessions: uint64(v.Sessions()), Digest: v.Digest(),
		UptimeSeconds: time.Since(a.Started).Seconds(), Version: a.Build,
		Ensemble: uint64(id.Ensemble), Storage: uint64(id.Storage),
		LastSnapshot: uint64(s.Snapshot), LogBytes: uint64(s.LogBytes), ClientAddress: a.ClientAddress,
	}, nil
}

func role(r peer.Role) adminv1.Role {
	return map[peer.Role]adminv1.Role{
		peer.Looking: adminv1.Role_ROLE_LOOKING, peer.Following: adminv1.Role_ROLE_FOLLOWER,
		peer.Observing: adminv1.Role_ROLE_OBSERVER, peer.Leading: adminv1.Role_ROLE_LEADER,
	}[r]
}

// SetLogLevel changes what is logged.
func (a *Admin) SetLogLevel(ctx context.Context, r *adminv1.SetLogLevelRequest) (*adminv1.SetLogLevelResponse, error) {
	if err := a.allowed(ctx); err != nil {
		return nil, err
	}
	previous, err := a.Config.SetLogLevel(r.GetLevel())
	if err != nil {
		return nil, api.Error(fault.New(fault.BadArguments, "", "%v", err))
	}
	return &adminv1.SetLogLevelResponse{Previous: previous}, nil
}

// Snapshot writes a snapshot and returns when it is durable.
func (a *Admin) Snapshot(ctx context.Context, _ *adminv1.SnapshotRequest) (*adminv1.SnapshotResponse, error) {
	if err := a.allowed(ctx); err != nil {
		return nil, err
	}
	z, err := a.Store.Snapshot(ctx)
	if err != nil {
		return nil, api.Error(err)
	}
	return &adminv1.SnapshotResponse{Zxid: uint64(z)}, nil
}

// allowed tells whether the caller may change something on this server.
func (a *Admin) allowed(ctx context.Context) error {
	if !a.NeedSuper || api.IsSuper(api.CallerOf(ctx)) {
		return nil
	}
	return api.Error(fault.New(fault.NoAuth, "", "only the super identity may do this (--super-digest)"))
}
