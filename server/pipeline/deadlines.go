package pipeline

import "github.com/quorate/quorate/server/lease"

// Deadlines returns when sessions expire, the earliest first; false if this server does not lead: then it does not know.
func (p *Pipeline) Deadlines() ([]lease.Deadline, bool) {
	leases := p.leases.Load()
	if leases == nil {
		return nil, false
	}
	return leases.Deadlines(), true
}
