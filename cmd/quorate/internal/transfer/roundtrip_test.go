package transfer_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
)

// samples are files and directories of every kind that must survive.
func samples() map[string]string {
	return map[string]string{
		"a":                 "content",
		"empty":             "",
		"binary":            "\x00\xff\n\r\x80",
		"hollow/":           "",
		"d/":                "",
		"d/e/":              "",
		"d/e/deep":          "x",
		"d/e/empty":         "",
		"d/sibling":         "y",
		"d-e":               "sorts between d and d/e",
		"with space, ü, \"": "z",
		"...":               "three dots are a name",
		".hidden":           "h",
		"large":             strings.Repeat("0123456789abcdef", 1<<16),
	}
}

func TestImportThenExportGivesTheSameFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	want := samples()
	w.must(w.importer(directory(t, want), "/deep/under/root").Run)
	out := filepath.Join(t.TempDir(), "made", "by", "export")
	w.must(w.exporter("/deep/under/root", out).Run)
	same(t, files(t, out), want)
}

func TestDataOfNodesWithChildren(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("/a", []byte("of the root"))
	w.create("/a/both", []byte("data"))
	w.create("/a/both/child", []byte("c"))
	w.create("/a/bothempty", []byte{})
	w.create("/a/bothempty/child", nil)
	w.create("/a/leaf", []byte{})
	w.create("/a/null", nil)
	out := t.TempDir()
	w.must(w.exporter("/a", out).Run)
	same(t, files(t, out), map[string]string{
		".quorate-data": "of the root", "both/": "", "both/.quorate-data": "data", "both/child": "c",
		"bothempty/": "", "bothempty/.quorate-data": "", "bothempty/child/": "", "leaf": "", "null/": "",
	})
	want := map[string]string{}
	for path, data := range w.fake.Dump() {
		want[path] = data
		want["/b"+strings.TrimPrefix(path, "/a")] = data
	}
	w.must(w.importer(out, "/b").Run)
	w.holds(want)
}

// TestRandomDirectories: many nodes, several pieces of a list, batches of every size.
func TestRandomDirectories(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 1))
			w := newWorld(t)
			want := randomFiles(random, 150)
			dir := directory(t, want)
			w.must(w.importer(dir, "/r").Run)
			out := t.TempDir()
			w.must(w.exporter("/r", out).Run)
			same(t, files(t, out), want)

			other := randomFiles(random, 120)
			im := w.importer(directory(t, other), "/r")
			im.Delete = true
			w.must(im.Run)
			ex := w.exporter("/r", out)
			ex.Delete = true
			w.must(ex.Run)
			same(t, files(t, out), other)
		})
	}
}

// randomFiles makes up n names in a deep and narrow namespace, so that two of them meet often.
func randomFiles(random *rand.Rand, n int) map[string]string {
	all := map[string]string{}
	dirs := []string{""}
	for range n {
		path := dirs[random.IntN(len(dirs))] + fmt.Sprint(random.IntN(40))
		if _, taken := all[path]; taken {
			continue
		}
		if _, taken := all[path+"/"]; taken {
			continue
		}
		if random.IntN(4) == 0 {
			all[path+"/"] = ""
			dirs = append(dirs, path+"/")
			continue
		}
		all[path] = strings.Repeat("x", random.IntN(5)*random.IntN(20000))
	}
	return all
}
