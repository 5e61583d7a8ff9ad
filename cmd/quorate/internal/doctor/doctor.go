package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/quorate/quorate/cmd/quorate/internal/survey"
	adminv1 "github.com/quorate/quorate/gen/quorate/admin/v1"
)

// Finding is one thing that an operator should know.
type Finding struct {
	// Grave tells that something is wrong, or about to be; otherwise it is good to know.
	Grave bool
	// Text is a sentence or several.
	Text string
}

// Report is what was found.
type Report struct {
	// Leader is the server that leads; 0 if nobody who answered knows of one.
	Leader uint32
	// Findings are the gravest first. A healthy ensemble has one that says so.
	Findings []Finding
}

// Healthy tells whether nothing grave was found.
func (r Report) Healthy() bool {
	return !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Grave })
}

// Examine judges an ensemble by the answers of some of its servers. explain says in
// words why one did not answer.
func Examine(answers []survey.Answer, explain func(error) string) Report {
	e := &examination{}
	for _, a := range answers {
		if a.Err != nil {
			e.grave("%s does not answer: %s", a.Server, firstLine(explain(a.Err)))
			continue
		}
		e.servers = append(e.servers, server{a.Server, a.Status})
	}
	if len(e.servers) == 0 {
		return Report{Findings: e.findings}
	}
	e.strangers()
	leader := e.leader()
	if leader == 0 {
		e.leaderless()
	} else {
		e.led(leader)
	}
	e.disks()
	e.digests()
	e.versions()
	slices.SortStableFunc(e.findings, func(a, b Finding) int { return rank(a) - rank(b) })
	if len(e.findings) == 0 {
		e.note("Server %d leads, and nothing is wrong with the %s asked.", leader, count(len(e.servers), "server"))
	}
	return Report{leader, e.findings}
}

// server is one that answered: where it was asked, and what it said.
type server struct {
	asked string
	*adminv1.StatusResponse
}

func (s server) looking() bool { return s.GetRole() == adminv1.Role_ROLE_LOOKING }

// examination collects what is found.
type examination struct {
	servers  []server // those that answered; at least one
	findings []Finding
}

func (e *examination) grave(format string, args ...any) {
	e.findings = append(e.findings, Finding{true, fmt.Sprintf(format, args...)})
}

func (e *examination) note(format string, args ...any) {
	e.findings = append(e.findings, Finding{false, fmt.Sprintf(format, args...)})
}

func rank(f Finding) int {
	if f.Grave {
		return 0
	}
	return 1
}

// strangers finds servers that do not belong together.
func (e *examination) strangers() {
	first := e.servers[0]
	for i, s := range e.servers {
		for _, other := range e.servers[:i] {
			if s.GetId() == other.GetId() && s.GetStorage() != other.GetStorage() {
				e.grave("%s and %s both say that they are server %d: every server needs an id of its own.", other.asked, s.asked, s.GetId())
			}
		}
		switch {
		case s.GetEnsemble() != 0 && first.GetEnsemble() != 0 && s.GetEnsemble() != first.GetEnsemble():
			e.grave("%s and %s belong to different ensembles: one of their data directories is in the wrong place.", first.asked, s.asked)
		case s.GetMembersZxid() == 0 && first.GetMembersZxid() == 0 && roll(s) != roll(first):
			e.grave("Servers %d and %d were started with different lists of servers (--peers): %s and %s.", first.GetId(), s.GetId(), roll(first), roll(s))
		}
	}
}

// roll is the list of servers that s has, in the form of --peers.
func roll(s server) string {
	var all []string
	for _, m := range s.GetMembers() {
		one := fmt.Sprintf("%d=%s", m.GetId(), m.GetAddress())
		if !m.GetVoter() {
			one += ":observer"
		}
		all = append(all, one)
	}
	return strings.Join(all, ",")
}

// leader returns who leads: of several that say so the one in the greatest epoch, else
// whom a follower names.
func (e *examination) leader() uint32 {
	leaders := slices.DeleteFunc(slices.Clone(e.servers), func(s server) bool { return s.GetRole() != adminv1.Role_ROLE_LEADER })
	slices.SortFunc(leaders, func(a, b server) int { return cmp.Compare(b.GetEpoch(), a.GetEpoch()) })
	if len(leaders) > 0 {
		for _, old := range leaders[1:] {
			e.grave("Server %d believes that it leads in epoch %d, but server %d leads in epoch %d: the older one can commit nothing, and will notice.",
				old.GetId(), old.GetEpoch(), leaders[0].GetId(), leaders[0].GetEpoch())
		}
		return leaders[0].GetId()
	}
	for _, s := range e.servers {
		if !s.looking() && s.GetLeader() != 0 {
			return s.GetLeader()
		}
	}
	return 0
}

// of returns the server with an id, if it answered.
func (e *examination) of(id uint32) (server, bool) {
	i := slices.IndexFunc(e.servers, func(s server) bool { return s.GetId() == id })
	if i < 0 {
		return server{}, false
	}
	return e.servers[i], true
}

// disks finds servers whose data directory is not the one that the ensemble knows, and disks that lag.
func (e *examination) disks() {
	v := e.view()
	for _, s := range e.servers {
		m, listed := v.member(s.GetId())
		switch {
		case !v.founded() || !listed || !m.GetVoter() || m.GetStorage() == s.GetStorage():
		case s.GetRole() == adminv1.Role_ROLE_FOLLOWER:
			e.note("Server %d has a new data directory. It is up to date, and counts as soon as the leader has readmitted it, which it does by itself.", s.GetId())
		default:
			e.grave("Server %d has another data directory than the one with which it joined (%016x, not %016x). What it once acknowledged is not there, "+
				"so it counts in no quorum until a leader has brought it up to date and readmitted it. If the old directory still exists, start it with that one.",
				s.GetId(), s.GetStorage(), m.GetStorage())
		}
		if n := behind(s.GetLastLogged(), s.GetLastDurable()); n >= lateTxns {
			e.grave("The disk of server %d is slow: %d transactions are written and not yet synced.", s.GetId(), n)
		}
	}
}

// digests finds servers whose trees differ at the same zxid.
func (e *examination) digests() {
	for i, s := range e.servers {
		for _, other := range e.servers[:i] {
			if s.GetLastApplied() == other.GetLastApplied() && s.GetDigest() != other.GetDigest() && s.GetEnsemble() == other.GetEnsemble() {
				e.grave("The trees of servers %d and %d differ at the same zxid: one of them is damaged. Compare with the others, and replace the data directory of the one that stands alone.",
					other.GetId(), s.GetId())
			}
		}
	}
}

// versions finds an upgrade that is under way.
func (e *examination) versions() {
	var all []string
	for _, s := range e.servers {
		all = append(all, s.GetVersion())
	}
	slices.Sort(all)
	if all = slices.Compact(all); len(all) > 1 {
		e.note("The servers run different versions: %s.", strings.Join(all, ", "))
	}
}

// behind returns how many txns b is behind a, if both are of one epoch.
func behind(a, b uint64) uint64 {
	if a>>32 != b>>32 || b > a {
		return 0
	}
	return a - b
}

// firstLine leaves out advice.
func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

// count is a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
