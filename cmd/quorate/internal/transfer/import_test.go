package transfer_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/clienttest"
	"github.com/quorate/quorate/cmd/quorate/internal/transfer"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// writes counts the calls that change something.
func (w world) writes() int {
	return w.fake.Calls(apiv1.Keeper_Multi_FullMethodName) + w.fake.Calls(apiv1.Keeper_Create_FullMethodName) +
		w.fake.Calls(apiv1.Keeper_Set_FullMethodName) + w.fake.Calls(apiv1.Keeper_Delete_FullMethodName)
}

func TestSecondImportWritesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := directory(t, samples())
	first := w.must(w.importer(dir, "/a").Run)
	counts(t, first, [5]int64{15, 0, 0, 0, 0})
	before := w.writes()
	im := w.importer(dir, "/a")
	im.Delete = true
	counts(t, w.must(im.Run), [5]int64{0, 0, 15, 0, 0})
	if n := w.writes() - before; n != 0 {
		t.Errorf("%d writes", n)
	}
}

func TestImportSetsWhatDiffersAndLeavesTheRest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("/a", nil)
	w.create("/a/same", []byte("s"))
	w.create("/a/other", []byte("old"))
	w.create("/a/wasnull", nil)
	w.create("/a/extra", []byte("e"))
	w.create("/a/extra/below", nil)
	w.create("/a/dir", []byte("had data"))
	dir := directory(t, map[string]string{"same": "s", "other": "new", "wasnull": "", "dir/": "", "more": "m"})
	r := w.must(w.importer(dir, "/a").Run)
	counts(t, r, [5]int64{1, 3, 2, 0, 0})
	want := map[string]string{
		"/a": "null", "/a/same": `"s"`, "/a/other": `"new"`, "/a/wasnull": `""`, "/a/extra": `"e"`,
		"/a/extra/below": "null", "/a/dir": "null", "/a/more": `"m"`,
	}
	w.holds(want)

	im := w.importer(dir, "/a")
	im.Delete = true
	counts(t, w.must(im.Run), [5]int64{0, 0, 6, 2, 0})
	delete(want, "/a/extra")
	delete(want, "/a/extra/below")
	w.holds(want)
}

func TestImportGoesOnAfterItWasInterrupted(t *testing.T) {
	t.Parallel()
	var left atomic.Int64
	left.Store(3)
	w := newWorld(t, func(f *clienttest.Fake) {
		f.Hook = func(method string, _ any) error {
			if method == apiv1.Keeper_Multi_FullMethodName && left.Add(-1) < 0 {
				return clienttest.Refusal{Reason: "UNAVAILABLE", Detail: "gone"}.Err()
			}
			return nil
		}
	})
	want := map[string]string{}
	for i := range 500 {
		want[string(rune('a'+i%26))+strings.Repeat("x", i/26)] = "data"
	}
	dir := directory(t, want)
	r, err := w.importer(dir, "/a").Run(t.Context())
	if !errors.Is(err, client.ErrUnavailable) || r.Created == 0 || r.Created > 300 {
		t.Fatalf("got %v after %d", err, r.Created)
	}
	left.Store(1000)
	second := w.must(w.importer(dir, "/a").Run)
	if second.Unchanged < r.Created || second.Created+second.Unchanged != 501 {
		t.Errorf("first %+v\nsecond %+v", r, second)
	}
	out := t.TempDir()
	w.must(w.exporter("/a", out).Run)
	same(t, files(t, out), want)
}

func TestImportSkips(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := directory(t, map[string]string{
		"fine": "f", "big": "12345", "limit": "1234", "d/bad\x01dir/below": "b", "d/bad\x7f": "b", "ugly\xff": "u", "d/e": "e", "dd/.quorate-data": "12345",
	})
	link(t, "fine", filepath.Join(dir, "link"))
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.create("/a", nil)
	w.create("/a/big", []byte("before"))
	w.create("/a/dd", []byte("before"))
	im := w.importer(dir, "/a")
	im.MaxValue, im.Delete = 4, true
	skipped(t, w.must(im.Run), map[string]string{
		"/big": "5 bytes", "/d/bad\x01dir": "U+0001", "/d/bad\x7f": "U+007F", "/ugly\xff": "UTF-8",
		"/link": "--follow", "/pipe": "neither", "/dd/.quorate-data": "5 bytes",
	})
	w.holds(map[string]string{
		"/a": "null", "/a/fine": `"f"`, "/a/limit": `"1234"`, "/a/d": "null", "/a/d/e": `"e"`, "/a/big": `"before"`, "/a/dd": `"before"`,
	})
}

func TestImportFollowsLinks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	elsewhere := directory(t, map[string]string{"x": "of elsewhere"})
	dir := directory(t, map[string]string{"f": "f", "d/g": "g"})
	link(t, "f", filepath.Join(dir, "tofile"))
	link(t, elsewhere, filepath.Join(dir, "todir"))
	link(t, "..", filepath.Join(dir, "d", "up"))
	link(t, "nowhere", filepath.Join(dir, "broken"))
	im := w.importer(dir, "/a")
	im.Follow = true
	skipped(t, w.must(im.Run), map[string]string{"/d/up": "it lies in", "/broken": "no such file"})
	w.holds(map[string]string{
		"/a": "null", "/a/f": `"f"`, "/a/d": "null", "/a/d/g": `"g"`, "/a/tofile": `"f"`, "/a/todir": "null", "/a/todir/x": `"of elsewhere"`,
	})
}

func link(t *testing.T, to, path string) {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}

// What the server alone knows to be too large is skipped, and nothing else of its batch.
func TestServerRefusesSome(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(f *clienttest.Fake) { f.MaxValue = 3 })
	dir := directory(t, map[string]string{"a": "1", "big": "1234", "c": "3", "d/.quorate-data": "1234", "d/e": "5"})
	skipped(t, w.must(w.importer(dir, "/a").Run), map[string]string{"/big": "limit is 3", "/d/.quorate-data": "limit is 3"})
	w.holds(map[string]string{"/a": "null", "/a/a": `"1"`, "/a/c": `"3"`})
}

func TestBatchBeyondTheRequestLimitGoesOneByOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(f *clienttest.Fake) { f.MaxRequest = 100 })
	want := map[string]string{"a": strings.Repeat("x", 90), "b": strings.Repeat("y", 90), "c": ""}
	counts(t, w.must(w.importer(directory(t, want), "/a").Run), [5]int64{4, 0, 0, 0, 0})
	out := t.TempDir()
	w.must(w.exporter("/a", out).Run)
	same(t, files(t, out), want)
}

// A batch that was done although its answer was lost must end as done, not as "exists already".
func TestLostAnswersAreHarmless(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	w := newWorld(t, func(f *clienttest.Fake) {
		f.After = func(method string, _ any) error {
			if write := method == apiv1.Keeper_Multi_FullMethodName || method == apiv1.Keeper_Create_FullMethodName; write && n.Add(1)%2 == 1 {
				return status.Error(codes.Unavailable, "connection lost")
			}
			return nil
		}
	})
	want := samples()
	im := w.importer(directory(t, want), "/a/b")
	im.Retry = time.Minute
	if r := w.must(im.Run); r.Created+r.Unchanged != 15 || len(r.Skipped) != 0 {
		t.Errorf("report: %+v", r)
	}
	out := t.TempDir()
	w.must(w.exporter("/a/b", out).Run)
	same(t, files(t, out), want)
}

// Nodes that others create after the tree was read are compared and set.
func TestOthersWriteMeanwhile(t *testing.T) {
	t.Parallel()
	var w world
	var once atomic.Bool
	w = newWorld(t, func(f *clienttest.Fake) {
		f.Hook = func(method string, _ any) error {
			if method == apiv1.Keeper_Multi_FullMethodName && !once.Swap(true) {
				w.create("/a/same", []byte("s"))
				w.create("/a/other", []byte("theirs"))
			}
			return nil
		}
	})
	r := w.must(w.importer(directory(t, map[string]string{"same": "s", "other": "ours", "third": "t"}), "/a").Run)
	counts(t, r, [5]int64{2, 1, 1, 0, 0})
	w.holds(map[string]string{"/a": "null", "/a/same": `"s"`, "/a/other": `"ours"`, "/a/third": `"t"`})
}

func TestRootOfTheTreeKeepsTheServersNodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("/old", []byte("o"))
	want := map[string]string{"a": "x", "d/": "", "d/b": "y"}
	im := w.importer(directory(t, map[string]string{"a": "x", "d/b": "y", "zookeeper/quota/z": "z"}), "/")
	im.Delete = true
	skipped(t, w.must(im.Run), map[string]string{"/zookeeper": "server's own"})
	w.holds(map[string]string{"/a": `"x"`, "/d": "null", "/d/b": `"y"`})
	if _, err := w.keeper.Get(t.Context(), &apiv1.GetRequest{Path: "/zookeeper/quota"}); err != nil {
		t.Error(err)
	}
	out := t.TempDir()
	counts(t, w.must(w.exporter("/", out).Run), [5]int64{3, 0, 0, 0, 0})
	same(t, files(t, out), want)
}

func TestImportWithoutPermission(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.fake.Create(t.Context(), &apiv1.CreateRequest{Path: "/a", Acl: []*apiv1.Ace{{Perms: 1, Scheme: "world", Id: "anyone"}}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.importer(directory(t, map[string]string{"x": "x"}), "/a").Run(t.Context())
	if !errors.Is(err, client.ErrNoAuth) || !strings.Contains(err.Error(), "/x") {
		t.Errorf("got %v, want ErrNoAuth that names the file", err)
	}
}

func TestImportStopsWhenToldTo(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	w := newWorld(t, func(f *clienttest.Fake) {
		f.Hook = func(method string, _ any) error {
			if method == apiv1.Keeper_Multi_FullMethodName {
				cancel()
			}
			return nil
		}
	})
	im := w.importer(directory(t, map[string]string{"x": "x", "y": "y"}), "/a")
	im.Retry = time.Hour
	if _, err := im.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestEventsAddUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var planned, plannedBytes, done, bytes, skips atomic.Int64
	im := w.importer(directory(t, map[string]string{"a": "12", "d/b": "345", "big": "123456"}), "/a")
	im.MaxValue = 5
	im.Events = transfer.Events{
		Planned: func(n, b int64) { planned.Add(n); plannedBytes.Add(b) },
		Done:    func(n, b int64) { done.Add(n); bytes.Add(b) },
		Skipped: func(transfer.Skip) { skips.Add(1) },
	}
	r := w.must(im.Run)
	if planned.Load() != 4 || done.Load() != 4 || plannedBytes.Load() != 5 || bytes.Load() != 5 || skips.Load() != 1 || r.Bytes != 5 {
		t.Errorf("planned %d (%d B), done %d (%d B), skipped %d; %+v", planned.Load(), plannedBytes.Load(), done.Load(), bytes.Load(), skips.Load(), r)
	}
}
