package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// planted is a tree that holds these nodes, in this order; a path that ends with
// "!" is for bob alone.
func planted(t *testing.T, data []byte, paths ...string) *tree.Version {
	t.Helper()
	d := tree.New().Edit()
	for i, path := range paths {
		acl := tree.OpenACL()
		if private := path[len(path)-1] == '!'; private {
			path, acl = path[:len(path)-1], []txn.ACE{{Perms: txn.MayAll, Scheme: "digest", ID: "bob:hash"}}
		}
		d.Apply(&txn.Txn{
			Header: txn.Header{Zxid: txn.Zxid(i + 1)},
			Op:     &txn.Create{Path: path, Data: data, ACL: acl, Kind: txn.Persistent},
		})
	}
	return d.Publish()
}

// list returns the pieces of a list.
func list(t *testing.T, v view, path string, want apiv1.ListView, recursive bool) (pieces []*apiv1.ListResponse) {
	t.Helper()
	root, err := v.readable(path)
	if err != nil {
		t.Fatal(err)
	}
	l := lister{view: v, root: root, want: want}
	err = l.send(t.Context(), l.nodes(recursive), func(r *apiv1.ListResponse) error {
		pieces = append(pieces, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return pieces
}

// names returns the entries' names, with "+s" for a Stat and "+d" for data.
func names(pieces []*apiv1.ListResponse) (all []string) {
	for _, p := range pieces {
		for _, e := range p.GetEntries() {
			name := e.GetName()
			if e.GetStat() != nil {
				name += "+s"
			}
			if e.Data != nil {
				name += "+d"
			}
			all = append(all, name)
		}
	}
	return all
}

func TestListShowsWhatTheCallerMaySee(t *testing.T) {
	version := planted(t, []byte{}, "/a", "/a/x", "/a/secret!", "/a/secret/open", "/a/secret/open/deep", "/a/y", "/a/y/z")
	bob := tree.Caller{{Scheme: "digest", ID: "bob:hash"}}
	for _, tc := range []struct {
		name      string
		caller    tree.Caller
		path      string
		view      apiv1.ListView
		recursive bool
		want      []string
	}{
		{"names", nil, "/a", apiv1.ListView_LIST_VIEW_UNSPECIFIED, false, []string{"secret", "x", "y"}},
		{"names of the root", nil, "/", apiv1.ListView_LIST_VIEW_NAMES, false, []string{"a", "zookeeper"}},
		{"stats", nil, "/a", apiv1.ListView_LIST_VIEW_STATS, false, []string{"secret", "x+s", "y+s"}},
		{"data", nil, "/a", apiv1.ListView_LIST_VIEW_DATA, false, []string{"x+s+d", "y+s+d"}},
		{"data for bob", bob, "/a", apiv1.ListView_LIST_VIEW_DATA, false, []string{"secret+s+d", "x+s+d", "y+s+d"}},
		{"no children", nil, "/a/x", apiv1.ListView_LIST_VIEW_DATA, false, nil},
		{"below", nil, "/a", apiv1.ListView_LIST_VIEW_NAMES, true, []string{"secret", "x", "y", "y/z"}},
		{"below, data", nil, "/a", apiv1.ListView_LIST_VIEW_DATA, true, []string{"x+s+d", "y+s+d", "y/z+s+d"}},
		{
			"below for bob", bob, "/a", apiv1.ListView_LIST_VIEW_NAMES, true,
			[]string{"secret", "secret/open", "secret/open/deep", "x", "y", "y/z"},
		},
		{
			"below the root", nil, "/", apiv1.ListView_LIST_VIEW_NAMES, true,
			[]string{"a", "a/secret", "a/x", "a/y", "a/y/z", "zookeeper", "zookeeper/config", "zookeeper/quota"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			pieces := list(t, view{version, tc.caller}, tc.path, tc.view, tc.recursive)
			got := names(pieces)
			slices.Sort(got) // that parents come first is checked below
			if !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if len(pieces) != 1 || pieces[0].GetStat() == nil || pieces[0].GetZxid() != uint64(version.Zxid()) {
				t.Errorf("pieces %v", pieces)
			}
		})
	}
}

func TestListParentsComeFirst(t *testing.T) {
	v := view{planted(t, nil, "/a", "/a/b", "/a/b/c", "/a/d", "/a/d/e"), nil}
	seen := map[string]bool{"": true}
	for _, name := range names(list(t, v, "/a", apiv1.ListView_LIST_VIEW_NAMES, true)) {
		if parent := name[:max(0, lastSlash(name))]; !seen[parent] {
			t.Errorf("%s comes before its parent", name)
		}
		seen[name] = true
	}
	if len(seen) != 5 {
		t.Errorf("saw %v", seen)
	}
}

func lastSlash(s string) int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '/' {
			return i
		}
	}
	return -1
}

func TestListComesInPieces(t *testing.T) {
	var paths []string
	for i := range 2500 {
		paths = append(paths, fmt.Sprintf("/%05d", i))
	}
	pieces := list(t, view{planted(t, nil, paths...), nil}, "/", apiv1.ListView_LIST_VIEW_NAMES, false)
	if len(pieces) != 3 || len(pieces[0].GetEntries()) != 1000 || len(pieces[2].GetEntries()) != 501 {
		t.Fatalf("%d pieces", len(pieces))
	}
	if all := names(pieces); len(all) != 2501 || !slices.IsSorted(all) {
		t.Errorf("%d names, sorted: %v", len(all), slices.IsSorted(all))
	}
	for i, p := range pieces {
		if (p.GetStat() != nil) != (i == 0) || p.GetZxid() != 2500 {
			t.Errorf("piece %d: stat %v, zxid %d", i, p.GetStat(), p.GetZxid())
		}
	}
}

func TestListPiecesAreBoundedInBytes(t *testing.T) {
	data := make([]byte, 100<<10)
	pieces := list(t, view{planted(t, data, "/a", "/b", "/c", "/d", "/e"), nil}, "/", apiv1.ListView_LIST_VIEW_DATA, false)
	if len(pieces) != 3 {
		t.Fatalf("%d pieces, want 3 of two values or fewer", len(pieces))
	}
	for _, p := range pieces {
		if n := len(p.GetEntries()); n == 0 || n > 2 {
			t.Errorf("a piece of %d entries", n)
		}
	}
}

func TestListEndsWithItsCaller(t *testing.T) {
	var paths []string
	for i := range 2500 {
		paths = append(paths, fmt.Sprintf("/%05d", i))
	}
	v := view{planted(t, nil, paths...), nil}
	root, err := v.readable("/")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	sent := 0
	l := lister{view: v, root: root}
	err = l.send(ctx, l.nodes(false), func(*apiv1.ListResponse) error {
		sent++
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) || sent != 1 {
		t.Errorf("sent %d pieces, then %v", sent, err)
	}
}
