package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/quorate/quorate/peer/quorum"
	"github.com/quorate/quorate/store/txn"
)

// Quorum returns what is a quorum of a membership by these settings: a majority of its
// voters, or what Groups and Weights say. The error tells why those do not fit the membership.
func (c *Config) Quorum(m txn.Membership) (quorum.System, error) {
	if len(c.Groups) == 0 && len(c.Weights) == 0 {
		return quorum.Of(m), nil
	}
	var voters []txn.ServerID
	for _, member := range Peers(m.Members).Voters() {
		voters = append(voters, member.ID)
	}
	groups := c.Groups
	if len(groups) == 0 {
		groups = Groups{voters}
	}
	return quorum.NewGroups(voters, groups, c.Weights)
}

// PlaceOf returns what a voter weighs and the number of its group, counted from 1: 1 and 1 unless
// Weights and Groups say otherwise.
func (c *Config) PlaceOf(id txn.ServerID) (weight int64, group int) {
	weight, said := c.Weights[id]
	if !said {
		weight = 1
	}
	for i, ids := range c.Groups {
		if slices.Contains(ids, id) {
			return weight, i + 1
		}
	}
	return weight, 1
}

// Weights are the weights of voters. As a flag: "1=2,2=0".
type Weights map[txn.ServerID]int64

// ParseWeights reads the form of [Weights.String]. Each id stands once. The empty string is none.
func ParseWeights(s string) (Weights, error) {
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	all := Weights{}
	for part := range strings.SplitSeq(s, ",") {
		name, weight, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			return nil, fmt.Errorf("%q: want id=weight", part)
		}
		id, err := parseID(name)
		if err != nil {
			return nil, err
		}
		if _, twice := all[id]; twice {
			return nil, fmt.Errorf("server %d has two weights", id)
		}
		if all[id], err = strconv.ParseInt(strings.TrimSpace(weight), 10, 64); err != nil {
			return nil, fmt.Errorf("%q: the weight must be a number", part)
		}
	}
	return all, nil
}

// String returns the form that [ParseWeights] reads, in the order of the ids.
func (w Weights) String() string {
	parts := make([]string, 0, len(w))
	for _, id := range slices.Sorted(maps.Keys(w)) {
		parts = append(parts, fmt.Sprintf("%d=%d", id, w[id]))
	}
	return strings.Join(parts, ",")
}

// Set reads the form of String, as a flag does.
func (w *Weights) Set(s string) (err error) {
	*w, err = ParseWeights(s)
	return err
}

// Type names the form in the help of a flag.
func (w *Weights) Type() string { return "id=weight,..." }

// Groups are the groups of voters. As a flag: "1,2,3;4,5,6".
type Groups [][]txn.ServerID

// ParseGroups reads the form of [Groups.String]. The empty string is none.
func ParseGroups(s string) (Groups, error) {
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	var all Groups
	for list := range strings.SplitSeq(s, ";") {
		var group []txn.ServerID
		for name := range strings.SplitSeq(list, ",") {
			id, err := parseID(name)
			if err != nil {
				return nil, err
			}
			group = append(group, id)
		}
		all = append(all, group)
	}
	return all, nil
}

// String returns the form that [ParseGroups] reads.
func (g Groups) String() string {
	groups := make([]string, len(g))
	for i, ids := range g {
		names := make([]string, len(ids))
		for j, id := range ids {
			names[j] = strconv.Itoa(int(id))
		}
		groups[i] = strings.Join(names, ",")
	}
	return strings.Join(groups, ";")
}

// Set reads the form of String, as a flag does.
func (g *Groups) Set(s string) (err error) {
	*g, err = ParseGroups(s)
	return err
}

// Type names the form in the help of a flag.
func (g *Groups) Type() string { return "id,...;id,..." }

// parseID reads the id of a server.
func parseID(s string) (txn.ServerID, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 8)
	if err != nil || !txn.ServerID(n).Valid() {
		return 0, fmt.Errorf("%q: the id of a server must be %d to %d", s, txn.MinServerID, txn.MaxServerID)
	}
	return txn.ServerID(n), nil
}
