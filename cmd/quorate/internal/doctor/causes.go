package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quorate/quorate/cmd/quorate/internal/render"
	adminv1 "github.com/quorate/quorate/gen/quorate/admin/v1"
)

// From here on a learner is called late, or silent. Seconds of work, not milliseconds.
const (
	lateTxns  = 10_000
	lateBytes = 4 << 20
	longSince = time.Second
)

// leaderless says why nobody leads.
func (e *examination) leaderless() {
	v := e.view()
	up, missing := e.heard(v)
	counting := slices.DeleteFunc(slices.Clone(up), func(id uint32) bool { return !e.counts(v, id) })
	switch {
	case !v.founded() && len(missing) > 0:
		e.grave("There is no leader: the ensemble is not founded yet. For that all its voters have to be there, %d of them, each with a blank data directory "+
			"(with --bootstrap %s are enough). Nothing is heard of %s.", len(v.voters()), v.rule(), v.names(missing))
	case !v.founded():
		e.grave("There is no leader: the ensemble is being founded. All its voters are there: %s.", numbers(up))
	case v.quorum(counting):
		e.grave("There is no leader, though a quorum is there (%s): an election is on.%s", numbers(counting), e.reasons())
	case v.quorum(up):
		e.grave("There is no leader: a quorum is %s, and of those that are there (%s) only these have the data directory with which they joined: %s. Needed are more of %s.",
			v.rule(), numbers(up), cmp.Or(numbers(counting), "none"), v.names(others(v.voters(), counting)))
	default:
		e.grave("There is no leader: a quorum is %s, and only %s there. Nothing is heard of %s: start as many as are missing, or see why %s cannot reach them.",
			v.rule(), areThere(up), v.names(missing), named(e.lookers()))
	}
	e.deaf(v)
}

// reasons are what looking servers say themselves.
func (e *examination) reasons() string {
	var b strings.Builder
	for _, s := range e.servers {
		if s.looking() && s.GetReason() != "" {
			fmt.Fprintf(&b, " Server %d: %s.", s.GetId(), strings.TrimSuffix(s.GetReason(), "."))
		}
	}
	return b.String()
}

// heard divides the voters into those that answered or that a looking server has heard of in
// its election, and the others.
func (e *examination) heard(v view) (up, missing []uint32) {
	for _, id := range v.voters() {
		_, answered := e.of(id)
		known := slices.ContainsFunc(e.servers, func(s server) bool {
			return s.looking() && !slices.Contains(s.GetElection().GetUnheard(), id)
		})
		if answered || known {
			up = append(up, id)
		} else {
			missing = append(missing, id)
		}
	}
	return up, missing
}

// counts tells whether a server, if it answered, has the data directory with which it joined.
func (e *examination) counts(v view, id uint32) bool {
	s, answered := e.of(id)
	m, _ := v.member(id)
	return !answered || s.GetStorage() == m.GetStorage()
}

// deaf finds servers that are up and do not hear each other.
func (e *examination) deaf(v view) {
	for _, s := range e.servers {
		for _, id := range s.GetElection().GetUnheard() {
			if _, answered := e.of(id); answered && s.looking() && id != s.GetId() {
				e.grave("Server %d hears nothing of server %s, which is up: see whether it can be reached there, and whether both have the same --peer-secret-file.", s.GetId(), v.name(id))
			}
		}
	}
}

// lookers are those who answered and have no leader.
func (e *examination) lookers() []uint32 {
	var ids []uint32
	for _, s := range e.servers {
		if s.looking() {
			ids = append(ids, s.GetId())
		}
	}
	return ids
}

// led examines an ensemble that has a leader.
func (e *examination) led(leader uint32) {
	for _, s := range e.servers {
		if s.looking() {
			e.grave("Server %d has no leader, though server %d leads: %s.", s.GetId(), leader, cmp.Or(strings.TrimSuffix(s.GetReason(), "."), "it is looking for it"))
		}
	}
	lead, answered := e.of(leader)
	if !answered || lead.GetRole() != adminv1.Role_ROLE_LEADER {
		e.note("Server %d leads. How the others keep up is what it alone knows: ask it too.", leader)
		return
	}
	v := e.view()
	serving := []uint32{leader}
	for _, m := range v.members {
		if m.GetId() == leader {
			continue
		}
		i := slices.IndexFunc(lead.GetLearners(), func(l *adminv1.LearnerStatus) bool { return l.GetId() == m.GetId() })
		if i < 0 {
			e.absent(v, m)
			continue
		}
		l := lead.GetLearners()[i]
		if l.GetState() == adminv1.LearnerState_LEARNER_STATE_SERVING && l.GetCounts() {
			serving = append(serving, l.GetId())
		}
	}
	for _, l := range lead.GetLearners() {
		e.learner(l)
	}
	e.reserve(v, serving)
}

// absent tells of a member that does not follow.
func (e *examination) absent(v view, m *adminv1.Member) {
	if m.GetVoter() {
		e.grave("Server %s, a voter, does not follow the leader.", v.name(m.GetId()))
		return
	}
	e.note("Server %s, an observer, does not follow the leader.", v.name(m.GetId()))
}

// learner tells of one that follows and is late.
func (e *examination) learner(l *adminv1.LearnerStatus) {
	switch l.GetState() {
	case adminv1.LearnerState_LEARNER_STATE_SYNCHRONIZING:
		e.note("Server %d is being brought up to date%s: %s so far.", l.GetId(), how(l.GetSyncKind()), render.Bytes(l.GetSyncBytes()))
	case adminv1.LearnerState_LEARNER_STATE_DISCOVERING:
		e.note("Server %d has come to the leader and has not begun to take over its history.", l.GetId())
	}
	if silent := l.GetSilent().AsDuration(); silent >= longSince {
		e.grave("The leader has heard nothing of server %d for %v.", l.GetId(), silent.Round(100*time.Millisecond))
	}
	if l.GetLagTxns() >= lateTxns || l.GetLagBytes() >= lateBytes {
		e.grave("Server %d is late: %d transactions, %s, are on their way to its disk.", l.GetId(), l.GetLagTxns(), render.Bytes(l.GetLagBytes()))
	}
}

func how(k adminv1.SyncKind) string {
	switch k {
	case adminv1.SyncKind_SYNC_KIND_DIFF:
		return " by the log"
	case adminv1.SyncKind_SYNC_KIND_TRUNC:
		return " by the log, after the end of its own was cut off"
	case adminv1.SyncKind_SYNC_KIND_SNAP:
		return " by a snapshot"
	default:
		return ""
	}
}

// reserve tells when one more failure would be one too many.
func (e *examination) reserve(v view, serving []uint32) {
	var vital []uint32
	for _, id := range serving {
		if !v.quorum(others(serving, []uint32{id})) {
			vital = append(vital, id)
		}
	}
	if len(v.voters()) == 1 || len(vital) == 0 {
		return
	}
	text := "If one more of servers %s fails, there is no quorum, and writes stop."
	if all := len(serving) == len(v.voters()); all {
		e.note(text, numbers(vital))
	} else {
		e.grave(text, numbers(vital))
	}
}

// others returns all that are not among some.
func others(all, some []uint32) []uint32 {
	return slices.DeleteFunc(slices.Clone(all), func(id uint32) bool { return slices.Contains(some, id) })
}

// named is servers by id as a noun.
func named(ids []uint32) string {
	if len(ids) == 1 {
		return fmt.Sprintf("server %d", ids[0])
	}
	return "servers " + numbers(ids)
}

func areThere(ids []uint32) string {
	switch len(ids) {
	case 0:
		return "none is"
	case 1:
		return named(ids) + " is"
	default:
		return named(ids) + " are"
	}
}
