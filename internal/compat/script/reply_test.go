package script

import (
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/compat/wire"
)

// header begins a reply that succeeds.
func header(xid int32) wire.Packet { return wire.Packet(nil).Int(xid).Long(3).Int(0) }

// withStat appends a Stat and returns where its two times begin.
func withStat(p wire.Packet) (wire.Packet, int) {
	p = p.Long(1).Long(2)
	times := len(p)
	now := time.Now().UnixMilli()
	return p.Long(now).Long(now).Int(4).Int(5).Int(6).Long(7).Int(8).Int(9).Long(3), times
}

// TestEveryByteIsShown changes each byte of replies of every kind: the text is another one, unless the byte is one that no two
// servers have in common.
func TestEveryByteIsShown(t *testing.T) {
	stat, times := withStat(header(1))
	data, dataTimes := withStat(header(1).String("data"))
	acl, aclTimes := withStat(header(1).Int(1).Int(31).String("world").String("anyone"))
	multi, multiTimes := withStat(header(1).Int(1).Bool(false).Int(0).String("/x").Int(5).Bool(false).Int(0))
	multi = multi.Int(-1).Bool(false).Int(-101).Int(-101).Int(-1).Bool(true).Int(-1)
	for _, c := range []struct {
		name   string
		code   int32
		packet wire.Packet
		hidden int // 16 bytes from here on are not shown; 0: all are
	}{
		{"nothing", 2, header(1), 0},
		{"refused", 2, wire.Packet(nil).Int(1).Long(3).Int(-101), 0},
		{"refused, with more", 2, wire.Packet(nil).Int(1).Long(3).Int(-101).String("x"), 0},
		{"path", 1, header(1).String("/x"), 0},
		{"stat", 5, stat, times},
		{"data and stat", 4, data, dataTimes},
		{"names", 8, header(1).Strings([]string{"a", "bc"}), 0},
		{"number", 104, header(1).Int(7), 0},
		{"acl", 6, acl, aclTimes},
		{"identities", 107, header(1).Int(1).String("ip").String("127.0.0.1"), 0},
		{"multi", opMulti, multi, multiTimes},
		{"too much", 1, header(1).String("/x").Byte(9), 0},
		{"null", 9, header(1).Null(), 0},
	} {
		show := func(p wire.Packet) string {
			n := &names{zxids: []int64{1, 2, 3}}
			return n.reply(p, c.code)
		}
		whole := show(c.packet)
		if strings.Contains(whole, "short") {
			t.Errorf("%s: %s", c.name, whole)
		}
		for i := range c.packet {
			if c.hidden > 0 && i >= c.hidden && i < c.hidden+16 || i >= 4 && i < 12 {
				continue // times; the zxid in the header is shown as the greatest one known below it
			}
			for _, flip := range []byte{1, 0x80, 0xff} {
				other := append(wire.Packet(nil), c.packet...)
				other[i] ^= flip
				if got := show(other); got == whole {
					t.Errorf("%s: byte %d ^ %#x is not to be seen in %s", c.name, i, flip, got)
				}
			}
			if got := show(c.packet[:i]); got == whole {
				t.Errorf("%s: that it ends after %d bytes is not to be seen", c.name, i)
			}
		}
	}
}

func TestZxidsAreShownByTheChangesTheyFollow(t *testing.T) {
	n := &names{}
	for _, zxid := range []int64{10, 30, 20} {
		n.change(zxid)
	}
	for _, c := range []struct {
		zxid        int64
		seen, exact string
	}{{-1, "-1", "-1"}, {0, "z0", "z0"}, {9, "z0", "z0+"}, {10, "z1", "z1"}, {11, "z1", "z1+"}, {29, "z2", "z2+"}, {30, "z3", "z3"}, {99, "z3", "z3+"}} {
		if got := n.zxid(c.zxid); got != c.seen {
			t.Errorf("%d of a reply is %s, want %s", c.zxid, got, c.seen)
		}
		if got := n.exact(c.zxid); got != c.exact {
			t.Errorf("%d of a node is %s, want %s", c.zxid, got, c.exact)
		}
	}
}
