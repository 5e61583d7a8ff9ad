package api

import (
	"context"
	"time"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/server/identity"
	"github.com/quorate/quorate/server/meter"
	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/server/session"
	"github.com/quorate/quorate/server/watch"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// Config is what a Keeper works on and within.
type Config struct {
	// Pipeline carries writes and holds the version that reads see.
	Pipeline *pipeline.Pipeline
	// Sessions are those of this server's clients, and Watches tells them of changes.
	Sessions *session.Table
	Watches  *watch.Hub
	// Standing is what the server is in its ensemble: without a leader a session may be for reads only.
	Standing func() peer.Standing
	// Authenticator reads the credentials that a session shows later.
	Authenticator *Authenticator
	// Meter bounds the requests a second that are begun on streams.
	Meter *meter.Meter
	// MaxSessionRequests is how many requests of one session may be without an answer: no more are read. At least 1.
	MaxSessionRequests int
	// MaxValue is the greatest content of a node in bytes: the tree's own limit,
	// checked here first so that what is beyond it does not wait in a queue.
	MaxValue int
	// MaxLists is how many List calls are served at a time; at least 1.
	MaxLists int
}

// Keeper serves quorate.api.v1.Keeper. Its methods may be called by anybody.
type Keeper struct {
	apiv1.UnimplementedKeeperServer
	pipeline *pipeline.Pipeline
	sessions *session.Table
	watches  *watch.Hub
	standing func() peer.Standing
	auth     *Authenticator
	meter    *meter.Meter
	maxValue int
	unsent   int           // requests of a session without an answer, at most
	lists    chan struct{} // a token for each List in progress
}

// maxOps is how many operations a Multi may have: its reply, with a Stat for
// each, must fit into the 4 MiB that gRPC clients take in one message.
const maxOps = 10_000

// listRetry is what a client is told to wait when too many Lists are in progress.
const listRetry = 100 * time.Millisecond

// New returns a Keeper.
func New(c Config) *Keeper {
	return &Keeper{
		pipeline: c.Pipeline, sessions: c.Sessions, watches: c.Watches, standing: c.Standing, auth: c.Authenticator, meter: c.Meter,
		maxValue: c.MaxValue, unsent: c.MaxSessionRequests, lists: make(chan struct{}, c.MaxLists),
	}
}

// submit carries out one operation as the caller of ctx, and of the session that the call names. Its error has a status.
func (k *Keeper) submit(ctx context.Context, translate func(by txn.SessionID) (tree.Request, error)) (pipeline.Reply, error) {
	by, err := k.sessionOf(ctx)
	if err != nil {
		return pipeline.Reply{}, Error(err)
	}
	op, err := translate(by)
	if err != nil {
		return pipeline.Reply{}, Error(err)
	}
	caller := CallerOf(ctx)
	reply, err := k.pipeline.Submit(ctx, pipeline.Request{Op: op, Session: by, Caller: caller, Author: identity.Author(caller)})
	return reply, Error(err)
}

// Create creates a node.
func (k *Keeper) Create(ctx context.Context, r *apiv1.CreateRequest) (*apiv1.CreateResponse, error) {
	reply, err := k.submit(ctx, func(by txn.SessionID) (tree.Request, error) { return k.create(r, by) })
	if err != nil {
		return nil, err
	}
	return createdBy(reply), nil
}

// Delete deletes a node.
func (k *Keeper) Delete(ctx context.Context, r *apiv1.DeleteRequest) (*apiv1.DeleteResponse, error) {
	reply, err := k.submit(ctx, func(txn.SessionID) (tree.Request, error) { return deletion(r), nil })
	if err != nil {
		return nil, err
	}
	return &apiv1.DeleteResponse{Zxid: uint64(reply.Zxid)}, nil
}

// Set replaces a node's data.
func (k *Keeper) Set(ctx context.Context, r *apiv1.SetRequest) (*apiv1.SetResponse, error) {
	reply, err := k.submit(ctx, func(txn.SessionID) (tree.Request, error) { return k.set(r) })
	if err != nil {
		return nil, err
	}
	return &apiv1.SetResponse{Zxid: uint64(reply.Zxid), Stat: statOf(reply.Results[0].Stat)}, nil
}

// SetAcl replaces a node's access control list.
func (k *Keeper) SetAcl(ctx context.Context, r *apiv1.SetAclRequest) (*apiv1.SetAclResponse, error) {
	reply, err := k.submit(ctx, func(txn.SessionID) (tree.Request, error) { return setACL(r), nil })
	if err != nil {
		return nil, err
	}
	return &apiv1.SetAclResponse{Zxid: uint64(reply.Zxid), Stat: statOf(reply.Results[0].Stat)}, nil
}

// Multi makes several changes as one.
func (k *Keeper) Multi(ctx context.Context, r *apiv1.MultiRequest) (*apiv1.MultiResponse, error) {
	reply, err := k.submit(ctx, func(by txn.SessionID) (tree.Request, error) { return k.multi(r, by) })
	if err != nil {
		return nil, err
	}
	return resultsOf(r, reply), nil
}

// Sync returns when this server has applied all that was acknowledged before.
func (k *Keeper) Sync(ctx context.Context, _ *apiv1.SyncRequest) (*apiv1.SyncResponse, error) {
	z, err := k.pipeline.Sync(ctx)
	if err != nil {
		return nil, Error(err)
	}
	return &apiv1.SyncResponse{Zxid: uint64(z)}, nil
}

// fits refuses data that is beyond the limit.
func (k *Keeper) fits(path string, data []byte) error {
	if len(data) <= k.maxValue {
		return nil
	}
	return fault.New(fault.TooLarge, path, "the data has %d bytes; %d is the most this server takes (--max-value)", len(data), k.maxValue)
}
