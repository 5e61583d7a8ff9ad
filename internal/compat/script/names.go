package script

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// names are what stands in a text for the numbers that no two servers have in common.
type names struct {
	zxids    []int64   // of the changes that have succeeded, in their order
	sessions []session // in the order in which they were opened

	eventZxids bool  // whether it is shown if an event has a zxid
	offsets    bool  // whether zxids of replies are shown by how much they are greater than the last one
	last       int64 // the zxid of the last reply
}

// session is what a client needs to come back.
type session struct {
	id       int64
	password []byte
}

// change notes the zxid of a change that has succeeded.
func (n *names) change(zxid int64) {
	if i, known := slices.BinarySearch(n.zxids, zxid); !known {
		n.zxids = slices.Insert(n.zxids, i, zxid)
	}
}

// zxid shows a zxid as the greatest one known that is not above it.
func (n *names) zxid(z int64) string {
	if z < 0 {
		return strconv.FormatInt(z, 10)
	}
	i, known := slices.BinarySearch(n.zxids, z)
	if known {
		i++
	}
	return "z" + strconv.Itoa(i)
}

// header shows the zxid of a reply.
func (n *names) header(z int64) string {
	offset := z - n.last
	n.last = z
	if n.offsets {
		return fmt.Sprintf("z%+d", offset)
	}
	return n.zxid(z)
}

// exact shows a zxid of a node. One that is not that of a known change has a plus.
func (n *names) exact(z int64) string {
	if _, known := slices.BinarySearch(n.zxids, z); known || z <= 0 {
		return n.zxid(z)
	}
	return n.zxid(z) + "+"
}

// meet notes a session, and returns its name.
func (n *names) meet(id int64, password []byte) string {
	if i := n.find(id); i >= 0 {
		return "#" + strconv.Itoa(i+1)
	}
	n.sessions = append(n.sessions, session{id, password})
	return "#" + strconv.Itoa(len(n.sessions))
}

func (n *names) find(id int64) int {
	return slices.IndexFunc(n.sessions, func(s session) bool { return s.id == id })
}

// owner shows an ephemeralOwner: a session by its name, else the number.
func (n *names) owner(id int64) string {
	if i := n.find(id); i >= 0 {
		return "#" + strconv.Itoa(i+1)
	}
	if id >= 0 && id < 10 {
		return strconv.FormatInt(id, 10)
	}
	return fmt.Sprintf("%#x", uint64(id))
}

// session returns the session of a name such as #1.
func (n *names) session(name string) (session, error) {
	i, err := strconv.Atoi(strings.TrimPrefix(name, "#"))
	if err != nil || i < 1 || i > len(n.sessions) {
		return session{}, fmt.Errorf("%s: no such session", name)
	}
	return n.sessions[i-1], nil
}

// number reads a number: decimal, 0x…, true, false, a zxid by its name (z2, ahead, or z%50: the one half way to the last), or a session by its.
func (n *names) number(text string) (int64, error) {
	switch {
	case text == "true":
		return 1, nil
	case text == "false" || text == "z0":
		return 0, nil
	case text == "ahead":
		return math.MaxInt64, nil
	case strings.HasPrefix(text, "z%"):
		percent, err := strconv.Atoi(text[2:])
		if err != nil || percent < 0 || percent > 100 || len(n.zxids) == 0 {
			return 0, err
		}
		return n.zxids[(len(n.zxids)-1)*percent/100], nil
	case strings.HasPrefix(text, "#"):
		s, err := n.session(text)
		return s.id, err
	case strings.HasPrefix(text, "z"):
		i, err := strconv.Atoi(text[1:])
		if err != nil || i < 1 || i > len(n.zxids) {
			return 0, fmt.Errorf("%s: no such zxid", text)
		}
		return n.zxids[i-1], nil
	case strings.HasPrefix(text, "0x"):
		u, err := strconv.ParseUint(text[2:], 16, 64)
		return int64(u), err
	}
	return strconv.ParseInt(text, 10, 64)
}

// clock shows a time in ms; that of now is the time.
func clock(ms int64) string {
	if off := time.Since(time.UnixMilli(ms)).Abs(); cmp.Compare(off, 24*time.Hour) < 0 {
		return "now"
	}
	return strconv.FormatInt(ms, 10)
}
