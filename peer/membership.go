package peer

import (
	"fmt"
	"maps"

	"github.com/quorate/quorate/peer/election"
	"github.com/quorate/quorate/peer/quorum"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// configPath is the node that holds the membership, and whose mzxid is thus that of the txn that made it.
const configPath = "/zookeeper/config"

// electorate is who counts: the voters of a membership, each with the disk that the
// membership names (P6). It does not change.
type electorate struct {
	version    txn.Zxid // of the txn that made the membership; 0 while the ensemble is being founded
	membership txn.Membership
	quorum.System
}

func newElectorate(v election.View, q func(txn.Membership) quorum.System) *electorate {
	return &electorate{version: v.Version, membership: v.Membership, System: q(v.Membership)}
}

// counts tells whether a server with this disk counts. While an ensemble is being founded
// no disk is known: whoever is listed counts.
func (e *electorate) counts(id txn.ServerID, disk txn.StorageID) bool {
	if !e.Has(id) {
		return false
	}
	m, listed := memberOf(id, e.membership.Members)
	return listed && (e.version == 0 || m.Storage == disk)
}

// votes tells whether the membership lists id as a voter, whatever its disk.
func (e *electorate) votes(id txn.ServerID) bool {
	m, listed := memberOf(id, e.membership.Members)
	return listed && m.Role != txn.Observer
}

// viewOf returns the membership in force in a version of the tree; false before the founding.
func viewOf(v *tree.Version) (election.View, bool) {
	m, founded := v.Membership()
	if !founded {
		return election.View{}, false
	}
	n, _ := v.Get(configPath)
	return election.View{Version: n.Stat().Mzxid, Membership: m}, true
}

// view is the membership by which this server goes into elections: the newest that it knows
// to be committed, or the founding one as soon as that is logged (a blank list would
// otherwise be judged by once more), or the list it was started with.
func (p *Peer) view() (election.View, error) {
	if v, founded := viewOf(p.store.Version()); founded {
		return v, nil
	}
	for t, err := range p.store.Tail() {
		if err != nil {
			return election.View{}, err
		}
		if m, ok := t.Op.(*txn.Membership); ok {
			return election.View{Version: t.Zxid, Membership: *m}, nil
		}
	}
	return election.View{Membership: txn.Membership{Members: p.members}}, nil
}

// Membership returns the membership by which this server judges what a quorum is, as it is known now: the newest that it
// knows to be committed, or the founding one as soon as that is logged, or the list it was started with.
func (p *Peer) Membership() txn.Membership { return p.elector.status().View.Membership }

// lockedOut returns an error if this server is the only voter and its data directory is not the one
// that the membership names: it cannot vouch for what it once acknowledged, and there is nobody
// who could readmit it (P6).
func (p *Peer) lockedOut() error {
	v, err := p.view()
	if err != nil {
		return err
	}
	own, disk := p.quorum(v.Membership), p.store.Identity().Storage
	m, _ := memberOf(p.id, v.Membership.Members)
	if v.Version == 0 || m.Storage == disk || !own.Reached(func(id txn.ServerID) bool { return id == p.id }) {
		return nil
	}
	return fmt.Errorf("the data directory's identity is %v, but server %d joined the ensemble with %v: "+
		"this disk does not hold what the server acknowledged; restore the directory it had", disk, p.id, m.Storage)
}

// membershipApplied tells who has to know that a new membership is in force. A learner that
// has been readmitted votes from here on.
func (p *Peer) membershipApplied(v *tree.Version) {
	view, founded := viewOf(v)
	if !founded {
		return
	}
	p.elector.changed(view)
	now := p.Standing()
	if role := p.roleIn(view); now.Upstream != nil && now.Role != role {
		now.Role = role
		p.become(now)
	}
}

// roleIn is what this server is under a leader: a follower if it counts, with the disk that it has.
func (p *Peer) roleIn(v election.View) Role {
	if newElectorate(v, p.quorum).counts(p.id, p.store.Identity().Storage) {
		return Following
	}
	return Observing
}

// founding is the membership with which a new ensemble begins: the listed servers with
// the disks that the leader has seen. One it has not seen will be readmitted.
func (l *leader) founding(disks map[txn.ServerID]txn.StorageID) txn.Membership {
	disks = maps.Clone(disks)
	disks[l.id] = l.store.Identity().Storage
	m := txn.Membership{Ensemble: l.ensemble()}
	for m.Ensemble == 0 {
		m.Ensemble = txn.EnsembleID(l.random())
	}
	for _, member := range l.members {
		member.Storage = disks[member.ID]
		m.Members = append(m.Members, member)
	}
	return m
}
