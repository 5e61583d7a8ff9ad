package survey

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quorate/quorate/cmd/quorate/internal/render"
	adminv1 "github.com/quorate/quorate/gen/quorate/admin/v1"
)

// Print prints the answers as one table, a row a server. Behind a learner stands what its
// leader says of it, if that has answered; a server that the leader knows of and nobody has
// asked has a row too.
func Print(p render.Printer, answers []Answer, explain func(error) string) error {
	header := []string{
		"server", "id", "role", "epoch", "applied", "committed", "durable", "logged", "digest", "nodes", "sessions", "log",
		"state", "lag", "sync", "uptime", "version",
	}
	leader, _ := Leader(answers)
	rows, objects := [][]string{}, []map[string]any{}
	for _, a := range answers {
		if a.Err != nil {
			rows = append(rows, []string{a.Server, "-", "does not answer"})
			objects = append(objects, map[string]any{"server": a.Server, "error": explain(a.Err)})
			continue
		}
		rows, objects = append(rows, row(a, leader.Status)), append(objects, object(a))
	}
	for _, m := range unasked(answers, leader.Status) {
		rows = append(rows, others(m, leader.Status))
	}
	return p.Rows(objects, header, rows)
}

// unasked are the members that a leader knows of, and whose answer is not there.
func unasked(answers []Answer, leader *adminv1.StatusResponse) []*adminv1.Member {
	return slices.DeleteFunc(slices.Clone(leader.GetMembers()), func(m *adminv1.Member) bool {
		return slices.ContainsFunc(answers, func(a Answer) bool { return a.Err == nil && a.Status.GetId() == m.GetId() })
	})
}

// others is the row of a member that was not asked.
func others(m *adminv1.Member, leader *adminv1.StatusResponse) []string {
	role := "observer"
	if m.GetVoter() {
		role = "voter"
	}
	r := []string{"(" + m.GetAddress() + ")", strconv.Itoa(int(m.GetId())), role}
	for range 9 {
		r = append(r, "-")
	}
	return append(r, behind(m.GetId(), leader)...)
}

func role(s *adminv1.StatusResponse) string {
	return strings.ToLower(strings.TrimPrefix(s.GetRole().String(), "ROLE_"))
}

func row(a Answer, leader *adminv1.StatusResponse) []string {
	s := a.Status
	what := role(s)
	if s.GetReason() != "" {
		what += ": " + s.GetReason()
	}
	r := []string{
		a.Server, strconv.Itoa(int(s.GetId())), what, strconv.Itoa(int(s.GetEpoch())),
		render.Zxid(s.GetLastApplied()), render.Zxid(s.GetLastCommitted()), render.Zxid(s.GetLastDurable()), render.Zxid(s.GetLastLogged()),
		hex(s.GetDigest()), strconv.FormatUint(s.GetNodes(), 10), strconv.FormatUint(s.GetSessions(), 10), render.Bytes(int64(s.GetLogBytes())),
	}
	return append(append(r, behind(s.GetId(), leader)...), uptime(s).String(), s.GetVersion())
}

// behind is state, lag and last synchronization of a learner as its leader says.
func behind(id uint32, leader *adminv1.StatusResponse) []string {
	if leader == nil || leader.GetId() == id {
		return []string{"-", "-", "-"}
	}
	i := slices.IndexFunc(leader.GetLearners(), func(l *adminv1.LearnerStatus) bool { return l.GetId() == id })
	if i < 0 {
		return []string{"not connected", "-", "-"}
	}
	l := leader.GetLearners()[i]
	state := word(l.GetState().String(), "LEARNER_STATE_")
	if l.GetVoter() && !l.GetCounts() {
		state += ", not counted"
	}
	sync := word(l.GetSyncKind().String(), "SYNC_KIND_")
	if took := l.GetSyncTook(); took != nil {
		sync += " in " + took.AsDuration().Round(time.Millisecond).String()
	}
	return []string{state, fmt.Sprintf("%d txns, %s", l.GetLagTxns(), render.Bytes(l.GetLagBytes())), sync}
}

// word is the value of an enum as people write it.
func word(value, prefix string) string { return strings.ToLower(strings.TrimPrefix(value, prefix)) }

func object(a Answer) map[string]any {
	s := a.Status
	o := map[string]any{
		"server": a.Server, "id": s.GetId(), "role": role(s), "reason": s.GetReason(), "epoch": s.GetEpoch(), "accepted_epoch": s.GetAcceptedEpoch(),
		"leader": s.GetLeader(), "last_logged": render.Zxid(s.GetLastLogged()), "last_durable": render.Zxid(s.GetLastDurable()),
		"last_committed": render.Zxid(s.GetLastCommitted()), "last_applied": render.Zxid(s.GetLastApplied()),
		"nodes": s.GetNodes(), "sessions": s.GetSessions(), "digest": hex(s.GetDigest()),
		"uptime_seconds": s.GetUptimeSeconds(), "version": s.GetVersion(), "ensemble": hex(s.GetEnsemble()),
		"storage": hex(s.GetStorage()), "last_snapshot": render.Zxid(s.GetLastSnapshot()),
		"log_bytes": s.GetLogBytes(), "client_address": s.GetClientAddress(), "peer_address": s.GetPeerAddress(),
		"members_zxid": render.Zxid(s.GetMembersZxid()), "members": members(s), "election": election(s.GetElection()),
	}
	if len(s.GetLearners()) > 0 {
		o["learners"] = learners(s)
	}
	return o
}

func members(s *adminv1.StatusResponse) []map[string]any {
	all := []map[string]any{}
	for _, m := range s.GetMembers() {
		all = append(all, map[string]any{
			"id": m.GetId(), "address": m.GetAddress(), "voter": m.GetVoter(), "storage": hex(m.GetStorage()),
			"weight": m.GetWeight(), "group": m.GetGroup(), "counts": m.GetCounts(),
		})
	}
	return all
}

func election(e *adminv1.Election) map[string]any {
	return map[string]any{
		"round": e.GetRound(), "candidate": e.GetCandidate(), "candidate_epoch": e.GetCandidateEpoch(),
		"candidate_zxid": render.Zxid(e.GetCandidateZxid()), "unheard": append([]uint32{}, e.GetUnheard()...),
	}
}

func learners(s *adminv1.StatusResponse) []map[string]any {
	all := []map[string]any{}
	for _, l := range s.GetLearners() {
		o := map[string]any{
			"id": l.GetId(), "state": word(l.GetState().String(), "LEARNER_STATE_"), "voter": l.GetVoter(), "counts": l.GetCounts(),
			"storage": hex(l.GetStorage()), "acked": render.Zxid(l.GetAcked()), "lag_txns": l.GetLagTxns(), "lag_bytes": l.GetLagBytes(),
			"silent_seconds": l.GetSilent().AsDuration().Seconds(), "sync_kind": word(l.GetSyncKind().String(), "SYNC_KIND_"), "sync_bytes": l.GetSyncBytes(),
		}
		if l.GetSyncBegan() != nil {
			o["sync_began"] = render.Millis(l.GetSyncBegan().AsTime().UnixMilli())
		}
		if l.GetSyncTook() != nil {
			o["sync_seconds"] = l.GetSyncTook().AsDuration().Seconds()
		}
		all = append(all, o)
	}
	return all
}

func uptime(s *adminv1.StatusResponse) time.Duration {
	return time.Duration(s.GetUptimeSeconds() * float64(time.Second)).Round(time.Second)
}

// hex formats what is 64 bits wide and no number to count with: JSON numbers end at 2^53.
func hex(n uint64) string { return fmt.Sprintf("%016x", n) }
