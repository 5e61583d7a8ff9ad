package tree_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
)

func TestValidatePath(t *testing.T) {
	for _, good := range []string{
		"/", "/a", "/a/b", "/a b/c", "/.a", "/a.", "/...", "/a/..b", "/ü/日本", "/\U0001f600", "/~", "/a-_:;,@",
		"/\u00a0", "/\uf900", "/\uffef", "/zookeeper/quota/a",
	} {
		if err := tree.ValidatePath(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for bad, why := range map[string]string{
		"":              "the path is empty",
		"a":             "starts with a slash",
		"a/b":           "starts with a slash",
		"/a/":           "does not end with a slash",
		"//":            "does not end with a slash",
		"//a":           "empty name at byte 1",
		"/a//b":         "empty name at byte 3",
		"/.":            `the name "." at byte 1`,
		"/a/..":         `the name ".." at byte 3`,
		"/../a":         `the name ".." at byte 1`,
		"/a/./b":        `the name "." at byte 3`,
		"/a\x00b":       "character U+0000 at byte 2",
		"/\x1f":         "character U+001F at byte 1",
		"/a\n":          "character U+000A at byte 2",
		"/\x7f":         "character U+007F at byte 1",
		"/\u009f":       "character U+009F at byte 1",
		"/\ue000":       "character U+E000 at byte 1",
		"/\uf8ff":       "character U+F8FF at byte 1",
		"/\ufff0":       "character U+FFF0 at byte 1",
		"/x\xff":        "character U+FFFD at byte 2",
		"/\xed\xa0\x80": "character U+FFFD at byte 1",
	} {
		err := tree.ValidatePath(bad)
		if !fault.Is(err, fault.InvalidPath) || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: got %v, want %q", bad, err, why)
		}
	}
}

func TestParent(t *testing.T) {
	for path, want := range map[string]string{"/": "/", "/a": "/", "/a/b": "/a", "/a/b/c": "/a/b"} {
		if got := tree.Parent(path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

// FuzzValidatePath checks that what passes can be taken apart and put together again.
func FuzzValidatePath(f *testing.F) {
	for _, p := range []string{"/", "/a", "/a/b", "//", "/a/../b", "/\u0080", "/\xc0\x80", "/zookeeper/quota/zookeeper_limits"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if tree.ValidatePath(p) != nil {
			return
		}
		if !utf8.ValidString(p) || strings.ContainsAny(p, "\x00\n") || strings.Contains(p, "//") || strings.Contains(p+"/", "/../") {
			t.Fatalf("%q passed", p)
		}
		if p != "/" {
			parent := tree.Parent(p)
			if err := tree.ValidatePath(parent); err != nil || strings.TrimSuffix(parent, "/")+p[strings.LastIndexByte(p, '/'):] != p {
				t.Fatalf("%q has parent %q: %v", p, parent, err)
			}
		}
	})
}

func BenchmarkValidatePath(b *testing.B) {
	for b.Loop() {
		if tree.ValidatePath("/parent-000123/n-00000456") != nil {
			b.Fatal("refused")
		}
	}
}
