package snap

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/quorate/quorate/store/vfs"
)

func checkBytes(t *testing.T, name string, pieces ...[]byte) error {
	t.Helper()
	fs := emptyDir(t)
	must(t, vfs.WriteFile(fs, name, bytes.Join(pieces, nil)))
	_, err := Check(fs, name)
	return err
}

// TestCheckKnowsEachFramesPlace: Check looks behind no compression, so that the checksums alone tell
// it of chunks that were exchanged or are another snapshot's. What it lets pass counts when
// older snapshots are removed.
func TestCheckKnowsEachFramesPlace(t *testing.T) {
	name, whole := content(t, 200)
	p := frames(whole)
	must(t, checkBytes(t, name, p...))
	exchanged := append([][]byte{p[0], p[2], p[1]}, p[3:]...)
	if err := checkBytes(t, name, exchanged...); !errors.Is(err, ErrInvalid) {
		t.Errorf("two chunks exchanged: %v", err)
	}
	other, whole2 := content(t, 201)
	if err := checkBytes(t, other, append([][]byte{frames(whole2)[0]}, p[1:]...)...); !errors.Is(err, ErrInvalid) {
		t.Errorf("all chunks of another snapshot: %v", err)
	}
}

// TestUnknownFormats: what a newer version writes is refused, not misread.
func TestUnknownFormats(t *testing.T) {
	name, whole := content(t, 3)
	for what, at := range map[string]int{"version": 8, "flags": 12, "reserved": 24} {
		b := bytes.Clone(whole)
		binary.LittleEndian.PutUint32(b[at:], 2)
		reseal(b)
		for i, err := range []error{checkBytes(t, name, b), second(loadBytes(t, name, b))} {
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("%s, %s: %v", what, [...]string{"Check", "Load"}[i], err)
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }
