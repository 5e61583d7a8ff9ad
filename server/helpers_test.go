package server

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	adminv1 "github.com/quorate/quorate/gen/quorate/admin/v1"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/server/api"
	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/server/identity"
	"github.com/quorate/quorate/server/meter"
	"github.com/quorate/quorate/server/metrics"
	"github.com/quorate/quorate/server/zaplog"
	"github.com/quorate/quorate/store/vfs"
)

// patience is how long a test waits for what should come at once.
const patience = time.Minute

// world is a running server with a client.
type world struct {
	*Node
	conn   *grpc.ClientConn
	keeper apiv1.KeeperClient
	admin  adminv1.AdminClient
	health healthv1.HealthClient
	stop   func() error // asks Run to end and returns its error
	cutOff atomic.Bool  // it stopped with calls that had not ended when their time was up
}

// settingsFor is a server in memory on a free port. One that stands still is not given up by the others: who goes, and when, is the test's to say.
func settingsFor(edit func(*config.Config)) config.Config {
	cfg := config.Default()
	cfg.DataDir, cfg.ClientAddr, cfg.SegmentSize = "/data", "127.0.0.1:0", 8<<20
	cfg.SyncLimit, cfg.StallLimit = 2*patience, 0
	if edit != nil {
		edit(&cfg)
	}
	return cfg
}

// run runs a server until the test ends; it serves when run returns.
func run(t testing.TB, fs vfs.FS, edit func(*config.Config)) *world {
	t.Helper()
	n, err := New(t.Context(), settingsFor(edit), Options{FS: fs, Build: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return attach(t, n)
}

// attach runs n until the test ends; it serves when attach returns.
func attach(t testing.TB, n *Node) *world {
	t.Helper()
	w := begin(t, n)
	w.awaitHealth(t, "", healthv1.HealthCheckResponse_SERVING)
	return w
}

// begin runs n until the test ends.
func begin(t testing.TB, n *Node) *world {
	t.Helper()
	ctx, cancel := context.WithCancelCause(context.Background())
	ended := make(chan error, 1)
	w := dial(t, n)
	told := n.front.onCut
	n.front.onCut = func(calls int64) { w.cutOff.Store(true); told(calls) }
	go func() { ended <- n.Run(ctx) }()
	w.stop = func() error {
		cancel(errors.New("the test is over"))
		select {
		case err := <-ended:
			ended <- err
			return err
		case <-time.After(patience):
			return errors.New("the server does not stop")
		}
	}
	t.Cleanup(func() {
		w.conn.Close()
		if err := w.stop(); err != nil {
			t.Errorf("server %d: Run: %v", n.cfg.ID, err)
		}
	})
	return w
}

// dial returns a client of n.
func dial(t testing.TB, n *Node, opts ...grpc.DialOption) *world {
	t.Helper()
	conn, err := grpc.NewClient(n.Addr(), append(opts, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &world{
		Node: n, conn: conn,
		keeper: apiv1.NewKeeperClient(conn), admin: adminv1.NewAdminClient(conn), health: healthv1.NewHealthClient(conn),
	}
}

// dialAddr returns a client of whatever serves on addr.
func dialAddr(t *testing.T, addr string) apiv1.KeeperClient {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return apiv1.NewKeeperClient(conn)
}

// chainFor is the server's chain with a listener for panics.
func chainFor(p panicked) []link {
	return chain(newCalls(), metrics.New().Calls, zaplog.Nop().Calls(0), api.NewAuthenticator(identity.NewProver("")), api.Metered{Meter: meter.New(0)}, p)
}

// awaitHealth waits until the service is in a state.
func (w *world) awaitHealth(t testing.TB, service string, want healthv1.HealthCheckResponse_ServingStatus) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	watch, err := w.health.Watch(ctx, &healthv1.HealthCheckRequest{Service: service})
	if err != nil {
		t.Fatal(err)
	}
	for {
		r, err := watch.Recv()
		if err != nil {
			t.Fatalf("health of %q: %v", service, err)
		}
		if r.GetStatus() == want {
			return
		}
	}
}

// as is a context that proves who calls.
func as(t *testing.T, claims ...string) context.Context {
	ctx := t.Context()
	for _, c := range claims {
		ctx = metadata.AppendToOutgoingContext(ctx, "quorate-auth", c)
	}
	return ctx
}

// reason returns the reason and the metadata in an error's details.
func reason(err error) (string, map[string]string) {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return info.GetReason(), info.GetMetadata()
		}
	}
	return "", nil
}

// wantReason fails unless err has the reason, and each of the pairs in its metadata.
func wantReason(t *testing.T, err error, want string, pairs ...string) {
	t.Helper()
	got, meta := reason(err)
	if got != want {
		t.Errorf("got %q (%v), want %s", got, err, want)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if meta[pairs[i]] != pairs[i+1] {
			t.Errorf("%s is %q, want %q (%v)", pairs[i], meta[pairs[i]], pairs[i+1], err)
		}
	}
}

// create creates a node that must not exist.
func (w *world) create(t *testing.T, r *apiv1.CreateRequest) *apiv1.CreateResponse {
	t.Helper()
	resp, err := w.keeper.Create(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// heldDisk is a disk in memory whose syncs can be made to wait.
type heldDisk struct {
	vfs.FS
	holds   atomic.Bool
	held    chan struct{} // a sync waits
	release func()        // lets all go on; again is harmless
}

func newHeldDisk() *heldDisk {
	gate := make(chan struct{})
	d := &heldDisk{held: make(chan struct{}, 1), release: sync.OnceFunc(func() { close(gate) })}
	d.FS = vfs.NewFaults(vfs.NewMem(), func(op vfs.Op) error {
		if d.holds.Load() && op.Kind == vfs.OpSync {
			select {
			case d.held <- struct{}{}:
			default:
			}
			<-gate
		}
		return nil
	})
	return d
}

// hold has syncs wait until release, or until the test ends: it is to be called when the server runs, which is stopped only then.
func (d *heldDisk) hold(t *testing.T) {
	t.Cleanup(d.release)
	d.holds.Store(true)
}

func ptr[T any](v T) *T { return &v }
