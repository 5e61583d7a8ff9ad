package transfer_test

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/clienttest"
	"github.com/quorate/quorate/cmd/quorate/internal/transfer"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// world is a server and a client of it.
type world struct {
	*testing.T
	fake   *clienttest.Fake
	keeper apiv1.KeeperClient
}

func newWorld(t *testing.T, change ...func(*clienttest.Fake)) world {
	t.Helper()
	f := clienttest.New()
	for _, c := range change {
		c(f)
	}
	return world{t, f, dial(t, f.Start(t))}
}

func dial(t *testing.T, address string) apiv1.KeeperClient {
	t.Helper()
	c, err := client.Dial([]string{address})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.Keeper()
}

func (w world) endpoint(dir, root string) transfer.Endpoint {
	return transfer.Endpoint{Keeper: w.keeper, Dir: dir, Root: root, Parallel: 4, Timeout: time.Minute}
}

func (w world) importer(dir, root string) *transfer.Importer {
	return &transfer.Importer{Endpoint: w.endpoint(dir, root), MaxValue: 1 << 20}
}

func (w world) exporter(root, dir string) *transfer.Exporter {
	return &transfer.Exporter{Endpoint: w.endpoint(dir, root)}
}

// must runs a transfer that must succeed.
func (w world) must(run func(context.Context) (transfer.Report, error)) transfer.Report {
	w.Helper()
	r, err := run(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	return r
}

// create creates a node behind the importer's back.
func (w world) create(path string, data []byte) {
	w.Helper()
	if _, err := w.fake.Create(w.Context(), &apiv1.CreateRequest{Path: path, Data: data}); err != nil {
		w.Fatal(err)
	}
}

// tree returns the nodes of the server by path.
func (w world) holds(want map[string]string) {
	w.Helper()
	if diff := cmp.Diff(want, w.fake.Dump()); diff != "" {
		w.Errorf("tree (-want +got):\n%s", diff)
	}
}

// directory makes a directory with files; a name that ends with / is a directory.
func directory(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		put(t, filepath.Join(dir, filepath.FromSlash(name)), strings.HasSuffix(name, "/"), files[name])
	}
	return dir
}

func put(t *testing.T, path string, isDir bool, content string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o777)
	if err == nil && isDir {
		err = os.MkdirAll(path, 0o777)
	} else if err == nil {
		err = os.WriteFile(path, []byte(content), 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// files returns what is in a directory, as directory takes it.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		switch {
		case d.IsDir():
			found[rel+"/"] = ""
		case d.Type()&fs.ModeSymlink != 0:
			found[rel], err = os.Readlink(path)
			found[rel] = "-> " + found[rel]
		default:
			var b []byte
			b, err = os.ReadFile(path)
			found[rel] = string(b)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func same(t *testing.T, got, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// counts compares a report's numbers: created, updated, unchanged, deleted, skipped.
func counts(t *testing.T, r transfer.Report, want [5]int64) {
	t.Helper()
	if got := [5]int64{r.Created, r.Updated, r.Unchanged, r.Deleted, int64(len(r.Skipped))}; got != want {
		t.Errorf("created, updated, unchanged, deleted, skipped = %v, want %v\n%v", got, want, r.Skipped)
	}
}

// skipped tells whether exactly the paths with these endings and reasons were skipped.
func skipped(t *testing.T, r transfer.Report, want map[string]string) {
	t.Helper()
	if len(r.Skipped) != len(want) {
		t.Errorf("skipped %d: %v, want %d", len(r.Skipped), r.Skipped, len(want))
	}
	for ending, why := range want {
		if !slices.ContainsFunc(r.Skipped, func(s transfer.Skip) bool {
			return strings.HasSuffix(s.Path, ending) && strings.Contains(s.Why, why)
		}) {
			t.Errorf("not skipped: %q because of %q; skipped are %v", ending, why, r.Skipped)
		}
	}
}
