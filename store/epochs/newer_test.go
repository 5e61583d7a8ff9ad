package epochs

import (
	"errors"
	"testing"
)

// The newer of two whole copies counts, wherever in the slot it stands.
func TestNewerCopyCounts(t *testing.T) {
	old, next := encodeSlot(Record{Accepted: 4, From: 1}, 6), encodeSlot(Record{Accepted: 5, From: 1}, 8)
	for name, slot := range map[string][]byte{
		"first":  append(append([]byte{}, next[:copySize]...), old[copySize:]...),
		"second": append(append([]byte{}, old[:copySize]...), next[copySize:]...),
	} {
		if r, seq, err := decodeSlot(slot); err != nil || r.Accepted != 5 || seq != 8 {
			t.Errorf("the %s copy is newer: got %+v, write %d, %v", name, r, seq, err)
		}
	}
}

// A file of a newer version is whole: its owner must not be told to throw it away.
func TestNewerFormatIsNoDamage(t *testing.T) {
	newer := encodeSlot(Record{Accepted: 9}, 6)
	newer[8], newer[8+copySize] = version+1, version+1
	reseal(newer)
	reseal(newer[copySize:])
	b := content(t, 4)
	copy(b, newer)
	if _, err := openBytes(t, b); err == nil || errors.Is(err, ErrDamaged) {
		t.Errorf("got %v", err)
	}
}
