package transfer_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/clienttest"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

func TestExportWritesOnlyWhatDiffers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.importer(directory(t, map[string]string{"a": "x", "d/b": "y", "d/c": "new!"}), "/r").Run)
	out := directory(t, map[string]string{"a": "x", "d/c": "old?", "mine": "m", "d/.quorate-data": "stale: /r/d is null now"})
	before, err := os.Stat(filepath.Join(out, "a"))
	if err != nil {
		t.Fatal(err)
	}
	counts(t, w.must(w.exporter("/r", out).Run), [5]int64{1, 1, 2, 0, 0})
	want := map[string]string{"a": "x", "d/": "", "d/b": "y", "d/c": "new!", "mine": "m"}
	same(t, files(t, out), want)
	if after, err := os.Stat(filepath.Join(out, "a")); err != nil || !os.SameFile(before, after) {
		t.Errorf("an equal file was replaced: %v", err)
	}
	ex := w.exporter("/r", out)
	ex.Delete = true
	counts(t, w.must(ex.Run), [5]int64{0, 0, 4, 1, 0})
	delete(want, "mine")
	same(t, files(t, out), want)
}

func TestExportWhatIsInTheWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	content := map[string]string{"d/": "", "d/x": "x", "f": "f", "l": "l", "ok": "ok"}
	w.must(w.importer(directory(t, content), "/r").Run)
	outside := directory(t, map[string]string{"secret": "s"})
	out := directory(t, map[string]string{"d": "a file", "f/inner": "a directory"})
	link(t, filepath.Join(outside, "secret"), filepath.Join(out, "l"))
	skipped(t, w.must(w.exporter("/r", out).Run), map[string]string{"/r/d": "--delete", "/r/f": "--delete", "/r/l": "--delete"})
	same(t, files(t, out), map[string]string{"d": "a file", "f/": "", "f/inner": "a directory", "l": "-> " + outside + "/secret", "ok": "ok"})

	ex := w.exporter("/r", out)
	ex.Delete = true
	skipped(t, w.must(ex.Run), nil)
	same(t, files(t, out), content)
	same(t, files(t, outside), map[string]string{"secret": "s"})
}

// A link to a directory elsewhere must not lead the export out of its own.
func TestExportDoesNotFollowLinksOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.importer(directory(t, map[string]string{"d/x": "x"}), "/r").Run)
	outside, out := t.TempDir(), t.TempDir()
	link(t, outside, filepath.Join(out, "d"))
	skipped(t, w.must(w.exporter("/r", out).Run), map[string]string{"/r/d": "--delete"})
	same(t, files(t, outside), map[string]string{})
}

// lying is a Keeper whose List names what it likes.
type lying struct {
	apiv1.KeeperClient
	names []string
}

func (l lying) List(context.Context, *apiv1.ListRequest, ...grpc.CallOption) (grpc.ServerStreamingClient[apiv1.ListResponse], error) {
	reply := &apiv1.ListResponse{Stat: &apiv1.Stat{NumChildren: int32(len(l.names))}}
	for _, n := range l.names {
		reply.Entries = append(reply.Entries, &apiv1.Entry{Name: n, Data: []byte("evil"), Stat: &apiv1.Stat{}})
	}
	return &once{reply: reply}, nil
}

type once struct {
	grpc.ClientStream
	reply *apiv1.ListResponse
}

func (o *once) Recv() (*apiv1.ListResponse, error) {
	if o.reply == nil {
		return nil, io.EOF
	}
	r := o.reply
	o.reply = nil
	return r, nil
}

func TestExportRefusesNamesThatEscape(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("/r", nil)
	parent := t.TempDir()
	out := filepath.Join(parent, "out")
	bad := []string{"../up", "..", ".", "a/../../up", "/abs", "", "a//b", "a/", "nul\x00", ".quorate-data", "d/.quorate-data", ".quorate-tmp", ".quorate-tmpx/../../up", strings.Repeat("n", 300)}
	ex := w.exporter("/r", out)
	ex.Keeper = lying{w.keeper, append([]string{"good"}, bad...)}
	r := w.must(ex.Run)
	if len(r.Skipped) != len(bad) {
		t.Errorf("skipped %d of %d: %v", len(r.Skipped), len(bad), r.Skipped)
	}
	same(t, files(t, parent), map[string]string{"out/": "", "out/good": "evil"})
}

func TestExportNamesWhatMayNotBeRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("/r", nil)
	w.create("/r/open", []byte("o"))
	_, err := w.fake.Create(t.Context(), &apiv1.CreateRequest{Path: "/r/closed", Acl: []*apiv1.Ace{{Perms: 31, Scheme: "digest", Id: "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	skipped(t, w.must(w.exporter("/r", out).Run), map[string]string{"/r/*": "1 of its nodes"})
	same(t, files(t, out), map[string]string{"open": "o"})
}

func TestExportTriesAgain(t *testing.T) {
	t.Parallel()
	var left atomic.Int64
	left.Store(4)
	w := newWorld(t, func(f *clienttest.Fake) {
		f.Hook = func(string, any) error {
			if left.Add(-1) >= 0 {
				return clienttest.Refusal{Reason: "UNAVAILABLE", Detail: "not yet"}.Err()
			}
			return nil
		}
	})
	if _, err := w.exporter("/zookeeper", t.TempDir()).Run(t.Context()); !errors.Is(err, client.ErrUnavailable) {
		t.Errorf("without --retry: %v", err)
	}
	left.Store(4)
	ex := w.exporter("/zookeeper", t.TempDir())
	ex.Retry = time.Minute
	counts(t, w.must(ex.Run), [5]int64{2, 0, 0, 0, 0})
}

func TestExportRemovesWhatAKilledOneLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("/r", nil)
	w.create("/r/a", []byte("a"))
	out := directory(t, map[string]string{".quorate-tmp/1": "half-writ"})
	w.must(w.importer(out, "/kept-out").Run)
	w.must(w.exporter("/r", out).Run)
	same(t, files(t, out), map[string]string{"a": "a"})
	w.holds(map[string]string{"/r": "null", "/r/a": `"a"`, "/kept-out": "null"})
}

func TestExportOfNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.exporter("/none", t.TempDir()).Run(t.Context()); !errors.Is(err, client.ErrNoNode) {
		t.Errorf("got %v, want ErrNoNode", err)
	}
}
