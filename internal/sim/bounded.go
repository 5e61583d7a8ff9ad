package sim

import "github.com/quorate/quorate/peer"

// bounded holds what servers keep in memory for each other against its bounds: for learners that take or acknowledge nothing
// while others go on, above all. It asks the servers, so it must not be called from within them. What lies in the
// clients' pipelines is not seen from outside.
func (c *checker) bounded() {
	for _, h := range c.world.hosts {
		r := h.server()
		if r == nil {
			continue
		}
		for _, held := range r.peer.Held() {
			if held.Is > held.Bound {
				c.burst(h, held)
			}
		}
	}
}

func (c *checker) burst(h *Host, held peer.Held) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failLocked(h.ID, "BoundedMemory: it has %d of at most %d %s", held.Is, held.Bound, held.What)
}

// limitsOf are those of a random run: for some seeds so tight that small txns reach them. How many are synchronized at once
// stays as it is: of learners whose turn a quorum's promises bring in one instant, whoever is first gets the place, and
// that the scheduler decides.
func limitsOf(seed uint64) peer.Limits {
	if mix(seed, 13)%3 != 0 {
		return peer.Limits{}
	}
	return peer.Limits{Window: 1 << 10, Feed: 1 << 10, Snapshots: MaxServers, Diffs: MaxServers}
}
