package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	adminv1 "github.com/quorate/quorate/gen/quorate/admin/v1"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/server/zaplog"
	"github.com/quorate/quorate/store/vfs"
)

// TestMain fails if goroutines are left. Those that are ending get the time they take: goleak by itself waits less than half a second.
func TestMain(m *testing.M) {
	code := m.Run()
	var left error
	for end := time.Now().Add(patience); code == 0 && time.Now().Before(end); {
		if left = goleak.Find(); left == nil {
			break
		}
	}
	if code == 0 && left != nil {
		fmt.Fprintln(os.Stderr, left)
		code = 1
	}
	os.Exit(code)
}

func TestWhatWasAcknowledgedIsThereAfterARestart(t *testing.T) {
	fs := vfs.NewMem()
	w := run(t, fs, nil)
	made := w.create(t, &apiv1.CreateRequest{Path: "/a", Data: []byte("x")})
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	again := run(t, fs, nil)
	got, err := again.keeper.Get(t.Context(), &apiv1.GetRequest{Path: "/a"})
	if err != nil || string(got.GetData()) != "x" || got.GetStat().GetCzxid() != made.GetZxid() {
		t.Errorf("got %v, %v", got, err)
	}
}

// TestRefusals is the table of what New refuses: each in one sentence, with
// nothing left open.
func TestRefusals(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ofServer2 := filepath.Join(dir, "two")
	two, err := New(t.Context(), settingsFor(func(c *config.Config) { c.ID, c.DataDir = 2, ofServer2 }), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := two.Close(); err != nil {
		t.Fatal(err)
	}
	inUse := filepath.Join(dir, "used")
	holder, err := New(t.Context(), settingsFor(func(c *config.Config) { c.DataDir = inUse }), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	for _, tc := range []struct {
		name string
		edit func(*config.Config)
		want string
	}{
		{"bad id", func(c *config.Config) { c.ID = 300 }, "--id is 300: it must be 1 to 253"},
		{"port in use", func(c *config.Config) { c.ClientAddr = taken.Addr().String() }, "another process has this port"},
		{"metrics port in use", func(c *config.Config) { c.MetricsAddr = taken.Addr().String() }, "another process has this port"},
		{"no such address", func(c *config.Config) { c.ClientAddr = "192.0.2.1:0" }, "this machine has no such address"},
		{"a file in place of the directory", func(c *config.Config) { c.DataDir = file }, file},
		{"unwritable directory", func(c *config.Config) { c.DataDir = "/proc/quorate" }, "/proc/quorate"},
		{"directory of another server", func(c *config.Config) { c.DataDir = ofServer2 }, "belongs to server 2, not 1"},
		{"directory in use", func(c *config.Config) { c.DataDir = inUse }, "in use"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := settingsFor(func(c *config.Config) { c.DataDir = filepath.Join(dir, "own"); tc.edit(c) })
			n, err := New(t.Context(), cfg, Options{})
			if err == nil {
				n.Close()
				t.Fatal("it was taken")
			}
			if s := err.Error(); !strings.Contains(s, tc.want) || strings.Contains(s, "\n") || strings.Contains(s, "goroutine") {
				t.Errorf("got %q, want a sentence with %q", s, tc.want)
			}
		})
	}
}

func TestHealthFollowsTheServer(t *testing.T) {
	disk := newHeldDisk()
	n, err := New(t.Context(), settingsFor(nil), Options{FS: disk})
	if err != nil {
		t.Fatal(err)
	}
	// Before Run there is no leader.
	keeper := apiv1.Keeper_ServiceDesc.ServiceName
	for service, want := range map[string]healthv1.HealthCheckResponse_ServingStatus{
		"": healthv1.HealthCheckResponse_NOT_SERVING, keeper: healthv1.HealthCheckResponse_NOT_SERVING,
		adminv1.Admin_ServiceDesc.ServiceName: healthv1.HealthCheckResponse_SERVING,
	} {
		if r, err := n.front.health.Check(t.Context(), &healthv1.HealthCheckRequest{Service: service}); err != nil || r.GetStatus() != want {
			t.Errorf("%q: %v, %v; want %v", service, r, err, want)
		}
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	w := run(t, disk, nil)
	w.awaitHealth(t, keeper, healthv1.HealthCheckResponse_SERVING)
	if _, err := w.health.Check(t.Context(), &healthv1.HealthCheckRequest{Service: "no.such"}); status.Code(err) != codes.NotFound {
		t.Errorf("unknown service: %v", err)
	}
	watch, err := w.health.Watch(t.Context(), &healthv1.HealthCheckRequest{Service: keeper})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := watch.Recv(); err != nil || r.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		t.Fatalf("got %v, %v", r, err)
	}
	disk.hold(t) // so that there is a call to drain: without one the watch is soon cut off
	written, stopped := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := w.keeper.Create(context.Background(), &apiv1.CreateRequest{Path: "/a"})
		written <- err
	}()
	<-disk.held
	go func() { stopped <- w.stop() }()
	if r, err := watch.Recv(); err != nil || r.GetStatus() != healthv1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("while draining: got %v, %v", r, err)
	}
	disk.release()
	if err := errors.Join(<-written, <-stopped); err != nil {
		t.Error(err)
	}
}

func TestReflectionListsTheServices(t *testing.T) {
	w := run(t, vfs.NewMem(), nil)
	s, err := reflectionv1.NewServerReflectionClient(w.conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ask := &reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}}
	if err := s.Send(ask); err != nil {
		t.Fatal(err)
	}
	r, err := s.Recv()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, svc := range r.GetListServicesResponse().GetService() {
		names = append(names, svc.GetName())
	}
	for _, want := range []string{
		"quorate.api.v1.Keeper", "quorate.admin.v1.Admin", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.channelz.v1.Channelz",
	} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is not among %q", want, names)
		}
	}
}

func TestAdmin(t *testing.T) {
	var out bytes.Buffer
	log, err := zaplog.New(zaplog.Options{Level: "error", Out: &out})
	if err != nil {
		t.Fatal(err)
	}
	n, err := New(t.Context(), settingsFor(nil), Options{FS: vfs.NewMem(), Log: log, Build: "v9"})
	if err != nil {
		t.Fatal(err)
	}
	w := attach(t, n)
	made := w.create(t, &apiv1.CreateRequest{Path: "/a"})
	s, err := w.admin.Status(t.Context(), &adminv1.StatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if s.GetId() != 1 || s.GetRole() != adminv1.Role_ROLE_LEADER || s.GetReason() != "" || s.GetEpoch() != 1 || s.GetVersion() != "v9" {
		t.Errorf("got %v", s)
	}
	z := made.GetZxid()
	if s.GetLastLogged() != z || s.GetLastDurable() != z || s.GetLastCommitted() != z || s.GetLastApplied() != z || s.GetNodes() != 5 {
		t.Errorf("after txn %d: %v", z, s)
	}
	if s.GetEnsemble() == 0 || s.GetStorage() == 0 || s.GetDigest() == 0 || s.GetLogBytes() == 0 || s.GetClientAddress() != n.Addr() {
		t.Errorf("got %v", s)
	}
	snap, err := w.admin.Snapshot(t.Context(), &adminv1.SnapshotRequest{})
	if err != nil || snap.GetZxid() != z {
		t.Errorf("snapshot: %v, %v", snap, err)
	}
	level, err := w.admin.SetLogLevel(t.Context(), &adminv1.SetLogLevelRequest{Level: "debug"})
	if err != nil || level.GetPrevious() != "error" || log.Level() != "debug" {
		t.Errorf("log level: %v, %v, now %s", level, err, log.Level())
	}
	_, err = w.admin.SetLogLevel(t.Context(), &adminv1.SetLogLevelRequest{Level: "loud"})
	wantReason(t, err, "BAD_ARGUMENTS")
}

func TestOnceThereIsASuperOnlyItChangesTheServer(t *testing.T) {
	w := run(t, vfs.NewMem(), func(c *config.Config) { c.SuperDigest = "super:D/InIHSb7yEEbrWz8b9l71RjZJU=" })
	_, err := w.admin.Snapshot(t.Context(), &adminv1.SnapshotRequest{})
	wantReason(t, err, "NO_AUTH")
	if _, err := w.admin.Snapshot(as(t, "digest super:test"), &adminv1.SnapshotRequest{}); err != nil {
		t.Error(err)
	}
	if _, err := w.admin.Status(t.Context(), &adminv1.StatusRequest{}); err != nil {
		t.Errorf("Status is for everybody: %v", err)
	}
}

func TestMetricsAreServed(t *testing.T) {
	w := run(t, vfs.NewMem(), func(c *config.Config) { c.MetricsAddr = ":0" })
	if host, _, _ := net.SplitHostPort(w.MetricsAddr()); host != "127.0.0.1" {
		t.Errorf("metrics without a host are served on %s", w.MetricsAddr())
	}
	w.create(t, &apiv1.CreateRequest{Path: "/a"})
	body := fetch(t, "http://"+w.MetricsAddr()+"/metrics")
	for _, want := range []string{
		"\nznode_count 5\n", "\nnum_alive_connections 1\n", "\nquorate_leader 1\n", "\nproposal_count 1\n", "\nfsynctime_count ",
		"\nquorate_build_info{version=\"test\"} 1\n", "\ngo_goroutines ", "\noutstanding_requests 0\n",
		"\ngrpc_server_handled_total{grpc_code=\"OK\",grpc_method=\"Create\",grpc_service=\"quorate.api.v1.Keeper\",grpc_type=\"unary\"} 1\n",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing", strings.TrimSpace(want))
		}
	}
	if !strings.Contains(fetch(t, "http://"+w.MetricsAddr()+"/debug/pprof/"), "goroutine") {
		t.Error("no profiles")
	}
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, resp.Status, err)
	}
	return string(body)
}
