package zoocfg

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/store/txn"
)

// founder is what a server's line says.
type founder struct {
	entry
	member txn.Member
	others []string // addresses beyond the first
	client string   // host:port for clients; empty if the line has none
	secure bool     // has a client port with TLS
}

// parseServer reads
//
//	host:quorum:election[|host:quorum:election…][:participant|:observer][;[[host:]port][;[host:]secure]]
//
// where a host of IPv6 stands in brackets. A role may stand at any of the addresses.
func parseServer(number, value string) (founder, error) {
	id, err := parseID(number)
	if err != nil {
		return founder{}, err
	}
	f := founder{member: txn.Member{ID: id, Role: txn.Voter}}
	parts := strings.Split(value, ";")
	if len(parts) > 3 {
		return founder{}, fmt.Errorf("%q: want at most two client parts behind ;", value)
	}
	for i, s := range strings.Split(parts[0], "|") {
		addr, role, err := parseAddress(strings.TrimSpace(s))
		if err != nil {
			return founder{}, err
		}
		if role != nil {
			f.member.Role = *role
		}
		if i > 0 {
			f.others = append(f.others, addr)
		} else {
			f.member.Address = addr
		}
	}
	if len(parts) > 1 {
		if f.client, err = parseClient(strings.TrimSpace(parts[1])); err != nil {
			return founder{}, err
		}
	}
	f.secure = len(parts) > 2 && strings.TrimSpace(parts[2]) != ""
	return f, nil
}

// parseAddress reads host:quorum:election with an optional role; what counts of it is host:quorum.
func parseAddress(s string) (addr string, role *txn.Role, err error) {
	malformed := fmt.Errorf("%q: want host:port:port, optionally with :participant or :observer", s)
	host, rest, ok := cutHost(s)
	if !ok || host == "" {
		return "", nil, malformed
	}
	parts := strings.Split(rest, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return "", nil, malformed
	}
	for _, port := range parts[:2] {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", nil, fmt.Errorf("%q: %q is no port, 1 to 65535", s, port)
		}
	}
	if len(parts) == 3 {
		r, ok := roleOf(parts[2])
		if !ok {
			return "", nil, fmt.Errorf("%q: %q is no role, participant or observer", s, parts[2])
		}
		role = &r
	}
	return net.JoinHostPort(host, parts[0]), role, nil
}

// roleOf returns the role that ZooKeeper calls so.
func roleOf(s string) (txn.Role, bool) {
	switch strings.ToLower(s) {
	case "participant":
		return txn.Voter, true
	case "observer":
		return txn.Observer, true
	}
	return 0, false
}

// cutHost splits at the colon behind the host, which may be an IPv6 address in brackets.
func cutHost(s string) (host, rest string, ok bool) {
	if inner, bracketed := strings.CutPrefix(s, "["); bracketed {
		if host, rest, ok = strings.Cut(inner, "]"); !ok {
			return "", "", false
		}
		rest, ok = strings.CutPrefix(rest, ":")
		return host, rest, ok
	}
	return strings.Cut(s, ":")
}

// parseClient reads port or host:port; an empty string is none.
func parseClient(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	host, port := "", s
	if strings.Contains(s, ":") {
		var ok bool
		if host, port, ok = cutHost(s); !ok {
			return "", fmt.Errorf("%q: want a port, or host:port, for clients", s)
		}
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fmt.Errorf("%q: %q is no port, 0 to 65535", s, port)
	}
	return net.JoinHostPort(host, port), nil
}

// parseID reads the number of a server.
func parseID(s string) (txn.ServerID, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no number of a server", s)
	}
	if n < int64(txn.MinServerID) || n > int64(txn.MaxServerID) {
		return 0, fmt.Errorf("the number of a server is %d to %d here, not %d", txn.MinServerID, txn.MaxServerID, n)
	}
	return txn.ServerID(n), nil
}

// founders returns the servers of the list, in the order of their numbers.
func (z *reader) founders() []founder {
	var all []founder
	var peers config.Peers
	for _, e := range z.order {
		number, ok := strings.CutPrefix(e.name, "server.")
		if !ok {
			continue
		}
		f, err := parseServer(number, e.value)
		if err == nil {
			err = admit(peers, f.member)
		}
		if err != nil {
			z.wrong(e.Place, "%v", err)
			continue
		}
		f.entry = e
		peers, all = append(peers, f.member), append(all, f)
	}
	slices.SortFunc(all, func(a, b founder) int { return int(a.member.ID) - int(b.member.ID) })
	return all
}

// admit tells why a server cannot stand beside others.
func admit(peers config.Peers, m txn.Member) error {
	for _, o := range peers {
		switch {
		case o.ID == m.ID:
			return fmt.Errorf("server %d is listed twice", m.ID)
		case o.Address == m.Address:
			return fmt.Errorf("servers %d and %d have the same address %s", o.ID, m.ID, m.Address)
		}
	}
	return nil
}

// divide takes up groups and weights.
func (z *reader) divide() {
	for _, e := range z.order {
		if number, ok := strings.CutPrefix(e.name, "group."); ok {
			z.group(e, number)
		}
		if number, ok := strings.CutPrefix(e.name, "weight."); ok {
			z.weight(e, number)
		}
	}
}

// group reads the servers of one, 1:2:3. Which number the group has makes no difference.
func (z *reader) group(e entry, number string) {
	if _, err := strconv.ParseInt(number, 10, 64); err != nil {
		z.wrong(e.Place, "%q is no number of a group", number)
		return
	}
	var ids []txn.ServerID
	for s := range strings.SplitSeq(e.value, ":") {
		id, err := parseID(s)
		if err != nil {
			z.wrong(e.Place, "want servers as 1:2:3: %v", err)
			return
		}
		ids = append(ids, id)
	}
	z.Config.Groups = append(z.Config.Groups, ids)
	z.set(e.Place, "groups")
}

func (z *reader) weight(e entry, number string) {
	id, err := parseID(number)
	if err != nil {
		z.wrong(e.Place, "%v", err)
		return
	}
	n, ok := z.whole(e, 0, 1<<31-1)
	if !ok {
		return
	}
	if z.Config.Weights == nil {
		z.Config.Weights = config.Weights{}
	}
	z.Config.Weights[id] = n
	z.set(e.Place, "weights")
}
