package snap

import (
	"testing"

	"github.com/quorate/quorate/store/vfs"
)

// A snapshot that was removed does not come back: behind an installation a newer one would
// be taken for the state.
func TestRemovalIsDurable(t *testing.T) {
	for name, remove := range map[string]func(vfs.FS) ([]File, error){
		"RemoveAfter": func(fs vfs.FS) ([]File, error) { return RemoveAfter(fs, dir, build(t, 2).Zxid()) },
		"Retain":      func(fs vfs.FS) ([]File, error) { return Retain(fs, dir, 1, func(File) bool { return true }) },
	} {
		mem := emptyDir(t)
		for n := 1; n <= 3; n++ {
			write(t, mem, build(t, n))
		}
		gone, err := remove(mem)
		must(t, err)
		if len(gone) == 0 {
			t.Fatalf("%s removed nothing", name)
		}
		left, err := List(mem, dir)
		must(t, err)
		after, err := List(mem.CrashClone(nil, vfs.KeepSynced), dir)
		must(t, err)
		if len(after) != len(left) {
			t.Errorf("%s left %v, and after a power cut there are %v", name, left, after)
		}
	}
}
