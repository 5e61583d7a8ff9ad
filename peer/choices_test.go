package peer

import "github.com/quorate/quorate/store/txn"

// choices are what a fuzzer's bytes decide, one byte each; when they are used up all is the first.
type choices struct{ left []byte }

func (c *choices) more() bool { return len(c.left) > 0 }

// of returns one of 0 … n-1.
func (c *choices) of(n int) int {
	if len(c.left) == 0 {
		return 0
	}
	b := c.left[0]
	c.left = c.left[1:]
	return int(b) % n
}

func (c *choices) yes() bool { return c.of(2) == 1 }

// near returns a number at one of these, or up to three away from it.
func (c *choices) near(all ...uint64) uint64 {
	n := c.of(7 * len(all))
	return all[n/7] + [...]uint64{0, 1, ^uint64(0), 2, ^uint64(1), 3, ^uint64(2)}[n%7]
}

// zxid returns one at or near these, the first of an epoch, none, or the last there can be.
func (c *choices) zxid(all ...txn.Zxid) txn.Zxid {
	wide := []uint64{0, ^uint64(0) - 3}
	for _, z := range all {
		wide = append(wide, uint64(z), uint64(txn.MakeZxid(z.Epoch(), 1)))
	}
	return txn.Zxid(c.near(wide...))
}

// epoch returns one at or near these, or at the end of what there is.
func (c *choices) epoch(all ...txn.Epoch) uint32 {
	wide := []uint64{uint64(txn.MaxEpoch)}
	for _, e := range all {
		wide = append(wide, uint64(e))
	}
	return uint32(c.near(wide...))
}
