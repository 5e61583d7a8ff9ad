package config

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/quorate/quorate/store/txn"
)

// Peers are the servers of an ensemble in the order of their ids. As a flag:
// "1=host:port,2=host:port,3=host:port:observer".
type Peers []txn.Member

// ParsePeers reads the form of [Peers.String]. Each id and each address stands
// once; the order does not matter. The empty string is no peers.
func ParsePeers(s string) (Peers, error) {
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	var all Peers
	for part := range strings.SplitSeq(s, ",") {
		m, err := parsePeer(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		if err := all.admits(m); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b txn.Member) int { return int(a.ID) - int(b.ID) })
	return all, nil
}

// admits tells why m cannot stand beside those in p.
func (p Peers) admits(m txn.Member) error {
	if _, twice := p.Find(m.ID); twice {
		return fmt.Errorf("server %d is listed twice", m.ID)
	}
	for _, other := range p {
		if other.Address == m.Address {
			return fmt.Errorf("servers %d and %d have the same address %s", other.ID, m.ID, m.Address)
		}
	}
	return nil
}

// parsePeer reads "id=host:port" with an optional ":voter" or ":observer".
func parsePeer(s string) (txn.Member, error) {
	id, rest, ok := strings.Cut(s, "=")
	if !ok {
		return txn.Member{}, fmt.Errorf("%q: want id=host:port, optionally with :observer", s)
	}
	n, err := strconv.ParseUint(id, 10, 8)
	if err != nil || !txn.ServerID(n).Valid() {
		return txn.Member{}, fmt.Errorf("%q: the id must be %d to %d", s, txn.MinServerID, txn.MaxServerID)
	}
	addr, role := cutRole(rest)
	if err := checkDialable(addr); err != nil {
		return txn.Member{}, fmt.Errorf("%q: %w", s, err)
	}
	return txn.Member{ID: txn.ServerID(n), Address: addr, Role: role}, nil
}

// cutRole takes a role off the end of an address.
func cutRole(s string) (string, txn.Role) {
	if addr, ok := strings.CutSuffix(s, ":observer"); ok {
		return addr, txn.Observer
	}
	return strings.TrimSuffix(s, ":voter"), txn.Voter
}

// checkDialable tells whether addr is a host:port that others can dial.
func checkDialable(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || host == "" {
		return errors.New("want id=host:port, optionally with :observer")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return errors.New("the port must be 1 to 65535")
	}
	return nil
}

// Find returns the server of an id.
func (p Peers) Find(id txn.ServerID) (txn.Member, bool) {
	for _, m := range p {
		if m.ID == id {
			return m, true
		}
	}
	return txn.Member{}, false
}

// Voters returns those that vote.
func (p Peers) Voters() []txn.Member {
	return slices.DeleteFunc(slices.Clone(p), func(m txn.Member) bool { return m.Role == txn.Observer })
}

// String returns the form that [ParsePeers] reads.
func (p Peers) String() string {
	parts := make([]string, len(p))
	for i, m := range p {
		parts[i] = fmt.Sprintf("%d=%s", m.ID, m.Address)
		if m.Role == txn.Observer {
			parts[i] += ":observer"
		}
	}
	return strings.Join(parts, ",")
}

// Set reads the form of String, as a flag does.
func (p *Peers) Set(s string) (err error) {
	*p, err = ParsePeers(s)
	return err
}

// Type names the form in the help of a flag.
func (p *Peers) Type() string { return "id=host:port,..." }
