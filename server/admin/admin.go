package admin

import (
	"context"
	"net/netip"
	"time"

	grpcpeer "google.golang.org/grpc/peer"

	adminv1 "github.com/quorate/quorate/gen/quorate/admin/v1"
	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/server/api"
	"github.com/quorate/quorate/server/identity"
	"github.com/quorate/quorate/server/tracker"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// Config is what an Admin looks at and turns.
type Config struct {
	// Store, PeerStatus and Version are what Status tells about.
	Store      *store.Store
	PeerStatus func() peer.Status
	Version    func() *tree.Version
	// PeerResign ends this server's reign: [peer.Peer.Resign].
	PeerResign func(ctx context.Context, successor txn.ServerID) error
	// PlaceOf tells what a voter weighs in a quorum, and the number of its group from 1.
	PlaceOf func(txn.ServerID) (weight int64, group int)
	// Conversations are those with a server, or with all for 0.
	Conversations func(txn.ServerID) []tracker.Conversation
	// SetLogLevel changes the log level and returns the one before.
	SetLogLevel func(level string) (previous string, err error)
	// NeedSuper makes what changes something need the super identity.
	NeedSuper bool
	// Build is the version of the program, Started when it began, ClientAddress and
	// PeerAddress where it serves clients and other servers; PeerAddress may be empty.
	Build                      string
	Started                    time.Time
	ClientAddress, PeerAddress string
}

// Admin serves quorate.admin.v1.Admin. Its methods may be called by anybody.
type Admin struct {
	adminv1.UnimplementedAdminServer
	Config
}

// New returns an Admin.
func New(c Config) *Admin { return &Admin{Config: c} }

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

// Resign ends this server's reign.
func (a *Admin) Resign(ctx context.Context, r *adminv1.ResignRequest) (*adminv1.ResignResponse, error) {
	if err := a.allowed(ctx); err != nil {
		return nil, err
	}
	if r.GetSuccessor() > uint32(txn.MaxServerID) {
		return nil, api.Error(fault.New(fault.BadArguments, "", "there is no server %d: ids are %d to %d", r.GetSuccessor(), txn.MinServerID, txn.MaxServerID))
	}
	if err := a.PeerResign(ctx, txn.ServerID(r.GetSuccessor())); err != nil {
		return nil, api.Error(err)
	}
	return &adminv1.ResignResponse{}, nil
}

// allowed tells whether the caller may change something on this server: the super identity, or
// without one anybody on this machine.
func (a *Admin) allowed(ctx context.Context) error {
	switch {
	case identity.IsSuper(api.CallerOf(ctx)):
		return nil
	case a.NeedSuper:
		return api.Error(fault.New(fault.NoAuth, "", "only the super identity may do this (--super-digest)"))
	case local(ctx):
		return nil
	default:
		return api.Error(fault.New(fault.NoAuth, "", "this may be done from the server's own machine, or by the super identity once there is one (--super-digest)"))
	}
}

// local tells whether the call comes from this machine.
func local(ctx context.Context) bool {
	from, ok := grpcpeer.FromContext(ctx)
	if !ok {
		return false
	}
	addr, err := netip.ParseAddrPort(from.Addr.String())
	return err == nil && addr.Addr().Unmap().IsLoopback()
}
