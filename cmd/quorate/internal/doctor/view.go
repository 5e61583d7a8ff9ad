package doctor

import (
	"fmt"
	"slices"
	"strings"

	adminv1 "github.com/quorate/quorate/gen/quorate/admin/v1"
	"github.com/quorate/quorate/peer/quorum"
	"github.com/quorate/quorate/store/txn"
)

// view is the ensemble by the newest list of servers that somebody answered with.
type view struct {
	zxid    uint64
	members []*adminv1.Member
}

func (e *examination) view() view {
	v := view{e.servers[0].GetMembersZxid(), e.servers[0].GetMembers()}
	for _, s := range e.servers[1:] {
		if s.GetMembersZxid() > v.zxid {
			v = view{s.GetMembersZxid(), s.GetMembers()}
		}
	}
	return v
}

func (v view) founded() bool { return v.zxid != 0 }

func (v view) member(id uint32) (*adminv1.Member, bool) {
	i := slices.IndexFunc(v.members, func(m *adminv1.Member) bool { return m.GetId() == id })
	if i < 0 {
		return nil, false
	}
	return v.members[i], true
}

// voters returns the ids of those that weigh something.
func (v view) voters() []uint32 {
	var ids []uint32
	for _, m := range v.members {
		if m.GetVoter() && m.GetWeight() > 0 {
			ids = append(ids, m.GetId())
		}
	}
	return ids
}

// quorum tells whether these servers are enough.
func (v view) quorum(up []uint32) bool {
	return v.system().Reached(func(id txn.ServerID) bool { return slices.Contains(up, uint32(id)) })
}

// system is the rule by which the servers decide, as far as they tell.
func (v view) system() quorum.System {
	var voters []txn.ServerID
	weights, groups := map[txn.ServerID]int64{}, map[uint32][]txn.ServerID{}
	var numbers []uint32
	for _, m := range v.members {
		if !m.GetVoter() {
			continue
		}
		id := txn.ServerID(m.GetId())
		voters, weights[id] = append(voters, id), m.GetWeight()
		if len(groups[m.GetGroup()]) == 0 {
			numbers = append(numbers, m.GetGroup())
		}
		groups[m.GetGroup()] = append(groups[m.GetGroup()], id)
	}
	var grouped [][]txn.ServerID
	for _, n := range numbers {
		grouped = append(grouped, groups[n])
	}
	q, err := quorum.NewGroups(voters, grouped, weights)
	if err != nil {
		return quorum.Majority(voters)
	}
	return q
}

// rule says what is a quorum.
func (v view) rule() string {
	groups := map[uint32]bool{}
	even := true
	for _, m := range v.members {
		if m.GetVoter() {
			groups[m.GetGroup()] = true
			even = even && m.GetWeight() == 1
		}
	}
	n := len(v.voters())
	switch {
	case len(groups) > 1:
		return fmt.Sprintf("a majority in a majority of the groups %v", v.system())
	case !even:
		return fmt.Sprintf("more than half of the weight in %v", v.system())
	default:
		return fmt.Sprintf("%d of the %d voters", n/2+1, n)
	}
}

// names lists servers with their addresses.
func (v view) names(ids []uint32) string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = v.name(id)
	}
	return strings.Join(all, ", ")
}

// name is a server with the address at which others reach it.
func (v view) name(id uint32) string {
	if m, ok := v.member(id); ok && m.GetAddress() != "" {
		return fmt.Sprintf("%d (%s)", id, m.GetAddress())
	}
	return fmt.Sprint(id)
}

// numbers lists servers by id alone.
func numbers(ids []uint32) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(ids), "[]"), " ", ", ")
}
