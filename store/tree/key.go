package tree

import (
	"encoding/binary"
	"strings"
)

// key is a node's place in the order: its path, and the length of the parent's part.
//
// Keys are compared as bytes: a key is the path with a zero byte in place of its last
// slash, which sorts by parent, then name. Paths have no zero bytes of their own.
type key struct {
	path   string
	parent int
}

// keyOf returns the key of the node at path, which must have a slash.
func keyOf(path string) key { return key{path, strings.LastIndexByte(path, '/')} }

// childrenKey returns a key directly before those of path's children. For the root it
// is the root's own, which stands there.
func childrenKey(path string) key {
	if path == rootPath {
		return keyOf(path)
	}
	return key{path, len(path)}
}

// keyIn returns the key that a block or a pivot begins with. It aliases it.
func keyIn(b string) key {
	if b[0]|b[1] < 0x80 {
		return key{b[2 : 2+int(b[1])], int(b[0])}
	}
	return longKeyIn(b)
}

// longKeyIn is keyIn where lengths have more than one byte.
func longKeyIn(b string) key {
	parent, n := uvarint(b)
	size, m := uvarint(b[n:])
	return key{b[n+m : n+m+int(size)], int(parent)}
}

// pivot returns k as what parts the kids of a branch: the front of a block, up to the end
// of the path. It is a copy: the page of a deleted node shall not live on in it.
func (k key) pivot() string {
	b := binary.AppendUvarint(make([]byte, 0, len(k.path)+2*binary.MaxVarintLen32), uint64(k.parent))
	b = binary.AppendUvarint(b, uint64(len(k.path)))
	return string(append(b, k.path...))
}

// less is the order of keys. Of two whose parents are equally long it is the plain
// order of the paths: the slashes stand at the same place.
func (k key) less(o key) bool {
	if k.parent == o.parent {
		return k.path < o.path
	}
	return k.path[:k.parent] < o.path[:o.parent]
}

// compare returns a negative number if k is before o, 0 if they are equal, else a positive one.
func (k key) compare(o key) int {
	switch {
	case k == o:
		return 0
	case k.less(o):
		return -1
	}
	return 1
}

// common returns how many bytes k and o have in common from the front.
func (k key) common(o key) int {
	n := min(len(k.path), len(o.path))
	same := 0
	for same < n && k.path[same] == o.path[same] {
		same++
	}
	if k.parent != o.parent {
		same = min(same, k.parent, o.parent)
	}
	return same
}

// shares tells whether the first n bytes of k are those of o.
func (k key) shares(o key, n int) bool {
	return len(k.path) >= n && len(o.path) >= n && k.path[:n] == o.path[:n] &&
		(k.parent == o.parent || k.parent >= n && o.parent >= n)
}

// tag returns the eight bytes of k from skip on, zeros behind its end, as a number
// that orders as they do.
func (k key) tag(skip int) uint64 {
	var t uint64
	if skip+8 <= len(k.path) {
		t = beUint64(k.path[skip:])
	} else if skip < len(k.path) {
		var b [8]byte
		copy(b[:], k.path[skip:])
		t = binary.BigEndian.Uint64(b[:])
	}
	if at := k.parent - skip; at >= 0 && at < 8 {
		t &^= 0xff << (56 - 8*at)
	}
	return t
}

func beUint64(s string) uint64 {
	_ = s[7]
	return uint64(s[7]) | uint64(s[6])<<8 | uint64(s[5])<<16 | uint64(s[4])<<24 |
		uint64(s[3])<<32 | uint64(s[2])<<40 | uint64(s[1])<<48 | uint64(s[0])<<56
}

// lowest returns the place of the first of the sorted tags that is not below tag. It
// looks at all of them: loads that do not wait for each other cost less than the few of
// a binary search that do.
func lowest(tags []uint64, tag uint64) int {
	n := 0
	for _, t := range tags {
		if t < tag {
			n++
		}
	}
	return n
}

// find returns the place of the first key that is not before k, and whether it is k, in a
// B-tree node with these tags whose keys at gives. All keys have their first skip bytes in
// common. If k does not share those, it returns some place, but never says that it is k's.
func find(k key, skip int, tags []uint64, at func(int) key) (int, bool) {
	tag := k.tag(skip)
	low := lowest(tags, tag)
	if low == len(tags) || tags[low] != tag {
		return low, false
	}
	// Mostly this one is it, or the only one with its tag.
	if first := at(low); !first.less(k) {
		return low, first == k
	}
	low++
	high := low
	for high < len(tags) && tags[high] == tag {
		high++
	}
	for low < high {
		mid := int(uint(low+high) >> 1)
		if at(mid).less(k) {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, low < len(tags) && tags[low] == tag && at(low) == k
}

// search is find for any k.
func search(k key, skip int, tags []uint64, at func(int) key) (int, bool) {
	if len(tags) == 0 {
		return 0, false
	}
	if first := at(0); !k.shares(first, skip) {
		if k.less(first) {
			return 0, false
		}
		return len(tags), false
	}
	return find(k, skip, tags, at)
}
