package doctor_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/quorate/quorate/cmd/quorate/internal/doctor"
	"github.com/quorate/quorate/cmd/quorate/internal/survey"
	adminv1 "github.com/quorate/quorate/gen/quorate/admin/v1"
)

const ensemble = 0xe

// answer is what server id of an ensemble of so many voters says; address a is server 1.
func answer(id uint32, voters int, edit ...func(*adminv1.StatusResponse)) survey.Answer {
	s := &adminv1.StatusResponse{
		Id: id, Role: adminv1.Role_ROLE_FOLLOWER, Leader: 1, Epoch: 3, Ensemble: ensemble, Storage: 0xd0 + uint64(id),
		LastLogged: 3<<32 + 9, LastDurable: 3<<32 + 9, LastCommitted: 3<<32 + 9, LastApplied: 3<<32 + 9, Digest: 77, Version: "v1", MembersZxid: 1<<32 + 1,
	}
	for i := range uint32(voters) {
		s.Members = append(s.Members, &adminv1.Member{
			Id: i + 1, Address: string(rune('a'+i)) + ":2888", Voter: true, Storage: 0xd1 + uint64(i), Weight: 1, Group: 1, Counts: true,
		})
	}
	for _, e := range edit {
		e(s)
	}
	return survey.Answer{Server: string(rune('a'+id-1)) + ":2181", Status: s}
}

// leads makes it a leader whom these follow.
func leads(followers ...uint32) func(*adminv1.StatusResponse) {
	return func(s *adminv1.StatusResponse) {
		s.Role, s.Leader = adminv1.Role_ROLE_LEADER, s.GetId()
		for _, id := range followers {
			s.Learners = append(s.Learners, &adminv1.LearnerStatus{
				Id: id, State: adminv1.LearnerState_LEARNER_STATE_SERVING, Voter: true, Counts: true, Storage: 0xd0 + uint64(id),
			})
		}
	}
}

// looks makes it look for a leader, having heard nothing of some.
func looks(unheard ...uint32) func(*adminv1.StatusResponse) {
	return func(s *adminv1.StatusResponse) {
		s.Role, s.Leader, s.Reason = adminv1.Role_ROLE_LOOKING, 0, "no quorum of the voters is connected"
		s.Election = &adminv1.Election{Unheard: unheard}
	}
}

// learner changes what the leader says of a learner.
func learner(id uint32, edit func(*adminv1.LearnerStatus)) func(*adminv1.StatusResponse) {
	return func(s *adminv1.StatusResponse) {
		for _, l := range s.GetLearners() {
			if l.GetId() == id {
				edit(l)
			}
		}
	}
}

func blank(s *adminv1.StatusResponse) {
	s.Ensemble, s.MembersZxid, s.Epoch, s.LastLogged, s.LastDurable, s.LastCommitted, s.LastApplied = 0, 0, 0, 0, 0, 0, 0
	for _, m := range s.GetMembers() {
		m.Storage = 0
	}
}

func otherDisk(s *adminv1.StatusResponse) { s.Storage = 0xff }

func observer(id uint32) func(*adminv1.StatusResponse) {
	return func(s *adminv1.StatusResponse) {
		s.Members[id-1].Voter, s.Members[id-1].Weight, s.Members[id-1].Group = false, 0, 0
	}
}

func grouped(group ...uint32) func(*adminv1.StatusResponse) {
	return func(s *adminv1.StatusResponse) {
		for i, m := range s.GetMembers() {
			m.Group = group[i]
		}
	}
}

func silent(id uint32) survey.Answer {
	return survey.Answer{Server: string(rune('a'+id-1)) + ":2181", Err: errors.New("connection refused\n  start it")}
}

// TestExamine: what is found, word for word; "! " marks what is grave.
func TestExamine(t *testing.T) {
	for _, tc := range []struct {
		name    string
		answers []survey.Answer
		leader  uint32
		want    []string
	}{
		{
			"all is well",
			[]survey.Answer{answer(1, 3, leads(2, 3)), answer(2, 3), answer(3, 3)},
			1,
			[]string{"Server 1 leads, and nothing is wrong with the 3 servers asked."},
		},
		{
			"a server on its own",
			[]survey.Answer{answer(1, 1, leads())},
			1,
			[]string{"Server 1 leads, and nothing is wrong with the 1 server asked."},
		},
		{
			"only a follower is asked",
			[]survey.Answer{answer(2, 3)},
			1,
			[]string{"Server 1 leads. How the others keep up is what it alone knows: ask it too."},
		},
		{
			"nobody answers",
			[]survey.Answer{silent(1), silent(2)},
			0,
			[]string{"! a:2181 does not answer: connection refused", "! b:2181 does not answer: connection refused"},
		},
		{
			"one of three is down",
			[]survey.Answer{answer(1, 3, leads(2)), answer(2, 3), silent(3)},
			1,
			[]string{
				"! c:2181 does not answer: connection refused",
				"! Server 3 (c:2888), a voter, does not follow the leader.",
				"! If one more of servers 1, 2 fails, there is no quorum, and writes stop.",
			},
		},
		{
			"one of five is down",
			[]survey.Answer{answer(1, 5, leads(2, 3, 4))},
			1,
			[]string{"! Server 5 (e:2888), a voter, does not follow the leader."},
		},
		{
			"two servers cannot lose one",
			[]survey.Answer{answer(1, 2, leads(2))},
			1,
			[]string{"If one more of servers 1, 2 fails, there is no quorum, and writes stop."},
		},
		{
			"an observer is down",
			[]survey.Answer{answer(1, 3, observer(3), leads(2))},
			1,
			[]string{
				"Server 3 (c:2888), an observer, does not follow the leader.",
				"If one more of servers 1, 2 fails, there is no quorum, and writes stop.",
			},
		},
		{
			"two of three are down",
			[]survey.Answer{answer(1, 3, looks(2, 3)), silent(2)},
			0,
			[]string{
				"! b:2181 does not answer: connection refused",
				"! There is no leader: a quorum is 2 of the 3 voters, and only server 1 is there. Nothing is heard of 2 (b:2888), 3 (c:2888): start as many as are missing, or see why server 1 cannot reach them.",
			},
		},
		{
			"three of five are down",
			[]survey.Answer{answer(1, 5, looks(3, 4, 5))},
			0,
			[]string{"! There is no leader: a quorum is 3 of the 5 voters, and only servers 1, 2 are there. Nothing is heard of 3 (c:2888), 4 (d:2888), 5 (e:2888): start as many as are missing, or see why server 1 cannot reach them."},
		},
		{
			"an election",
			[]survey.Answer{answer(1, 3, looks())},
			0,
			[]string{"! There is no leader, though a quorum is there (1, 2, 3): an election is on. Server 1: no quorum of the voters is connected."},
		},
		{
			"they do not hear each other",
			[]survey.Answer{answer(1, 3, looks(2, 3)), answer(2, 3, looks(1))},
			0,
			[]string{
				"! There is no leader, though a quorum is there (1, 2, 3): an election is on. Server 1: no quorum of the voters is connected. Server 2: no quorum of the voters is connected.",
				"! Server 1 hears nothing of server 2 (b:2888), which is up: see whether it can be reached there, and whether both have the same --peer-secret-file.",
				"! Server 2 hears nothing of server 1 (a:2888), which is up: see whether it can be reached there, and whether both have the same --peer-secret-file.",
			},
		},
		{
			"one is left out",
			[]survey.Answer{answer(1, 3, leads(2)), answer(3, 3, looks(1, 2))},
			1,
			[]string{
				"! Server 3 has no leader, though server 1 leads: no quorum of the voters is connected.",
				"! Server 3 (c:2888), a voter, does not follow the leader.",
				"! If one more of servers 1, 2 fails, there is no quorum, and writes stop.",
			},
		},
		{
			"founding waits",
			[]survey.Answer{answer(1, 3, blank, looks(3)), answer(2, 3, blank, looks(3))},
			0,
			[]string{"! There is no leader: the ensemble is not founded yet. For that all its voters have to be there, 3 of them, each with a blank data directory (with --bootstrap 2 of the 3 voters are enough). Nothing is heard of 3 (c:2888)."},
		},
		{
			"founding goes on",
			[]survey.Answer{answer(1, 3, blank, looks())},
			0,
			[]string{"! There is no leader: the ensemble is being founded. All its voters are there: 1, 2, 3."},
		},
		{
			"different lists",
			[]survey.Answer{answer(1, 3, blank, looks()), answer(2, 3, blank, looks(), observer(3))},
			0,
			[]string{
				"! Servers 1 and 2 were started with different lists of servers (--peers): 1=a:2888,2=b:2888,3=c:2888 and 1=a:2888,2=b:2888,3=c:2888:observer.",
				"! There is no leader: the ensemble is being founded. All its voters are there: 1, 2, 3.",
			},
		},
		{
			"a replaced disk, with a leader",
			[]survey.Answer{answer(1, 3, leads(2, 3), learner(3, func(l *adminv1.LearnerStatus) { l.Counts = false })), answer(3, 3, otherDisk)},
			1,
			[]string{
				"! If one more of servers 1, 2 fails, there is no quorum, and writes stop.",
				"Server 3 has a new data directory. It is up to date, and counts as soon as the leader has readmitted it, which it does by itself.",
			},
		},
		{
			"replaced disks, and no quorum of the others",
			[]survey.Answer{answer(1, 3, looks(3)), answer(2, 3, looks(3), otherDisk)},
			0,
			[]string{
				"! There is no leader: a quorum is 2 of the 3 voters, and of those that are there (1, 2) only these have the data directory with which they joined: 1. Needed are more of 2 (b:2888), 3 (c:2888).",
				"! Server 2 has another data directory than the one with which it joined (00000000000000ff, not 00000000000000d2). What it once acknowledged is not there, so it counts in no quorum until a leader has brought it up to date and readmitted it. If the old directory still exists, start it with that one.",
			},
		},
		{
			"being synchronized",
			[]survey.Answer{answer(1, 5, leads(2, 3, 4, 5), learner(5, func(l *adminv1.LearnerStatus) {
				l.State, l.SyncKind, l.SyncBytes = adminv1.LearnerState_LEARNER_STATE_SYNCHRONIZING, adminv1.SyncKind_SYNC_KIND_SNAP, 3<<20
			}), learner(4, func(l *adminv1.LearnerStatus) { l.State = adminv1.LearnerState_LEARNER_STATE_DISCOVERING }))},
			1,
			[]string{
				"! If one more of servers 1, 2, 3 fails, there is no quorum, and writes stop.",
				"Server 4 has come to the leader and has not begun to take over its history.",
				"Server 5 is being brought up to date by a snapshot: 3.0 MiB so far.",
			},
		},
		{
			"late and silent",
			[]survey.Answer{answer(1, 3, leads(2, 3), learner(2, func(l *adminv1.LearnerStatus) {
				l.LagTxns, l.LagBytes = 10_000, 1<<20
			}), learner(3, func(l *adminv1.LearnerStatus) { l.LagBytes, l.Silent = 4<<20, durationpb.New(1400*time.Millisecond) }))},
			1,
			[]string{
				"! Server 2 is late: 10000 transactions, 1.0 MiB, are on their way to its disk.",
				"! The leader has heard nothing of server 3 for 1.4s.",
				"! Server 3 is late: 0 transactions, 4.0 MiB, are on their way to its disk.",
			},
		},
		{
			"two leaders",
			[]survey.Answer{answer(1, 3, leads(2, 3)), answer(2, 3, leads(1, 3), func(s *adminv1.StatusResponse) { s.Epoch = 4 })},
			2,
			[]string{"! Server 1 believes that it leads in epoch 3, but server 2 leads in epoch 4: the older one can commit nothing, and will notice."},
		},
		{
			"strangers",
			[]survey.Answer{answer(1, 1, leads()), answer(1, 1, leads(), otherDisk, func(s *adminv1.StatusResponse) { s.Ensemble, s.Epoch = 9, 2 })},
			1,
			[]string{
				"! a:2181 and a:2181 both say that they are server 1: every server needs an id of its own.",
				"! a:2181 and a:2181 belong to different ensembles: one of their data directories is in the wrong place.",
				"! Server 1 believes that it leads in epoch 2, but server 1 leads in epoch 3: the older one can commit nothing, and will notice.",
				"! Server 1 has another data directory than the one with which it joined (00000000000000ff, not 00000000000000d1). What it once acknowledged is not there, so it counts in no quorum until a leader has brought it up to date and readmitted it. If the old directory still exists, start it with that one.",
			},
		},
		{
			"trees differ, a slow disk, an upgrade",
			[]survey.Answer{answer(1, 3, leads(2, 3)), answer(2, 3, func(s *adminv1.StatusResponse) {
				s.Digest, s.LastLogged, s.Version = 78, 3<<32+10_009, "v2"
			})},
			1,
			[]string{
				"! The disk of server 2 is slow: 10000 transactions are written and not yet synced.",
				"! The trees of servers 1 and 2 differ at the same zxid: one of them is damaged. Compare with the others, and replace the data directory of the one that stands alone.",
				"The servers run different versions: v1, v2.",
			},
		},
		{
			"groups",
			[]survey.Answer{answer(1, 6, grouped(1, 1, 2, 2, 3, 3), looks(3, 4, 5))},
			0,
			[]string{"! There is no leader: a quorum is a majority in a majority of the groups (1 2) (3 4) (5 6), and only servers 1, 2, 6 are there. Nothing is heard of 3 (c:2888), 4 (d:2888), 5 (e:2888): start as many as are missing, or see why server 1 cannot reach them."},
		},
		{
			"weights",
			[]survey.Answer{answer(1, 3, looks(3), func(s *adminv1.StatusResponse) { s.Members[2].Weight = 5 })},
			0,
			[]string{"! There is no leader: a quorum is more than half of the weight in (1 2 3×5), and only servers 1, 2 are there. Nothing is heard of 3 (c:2888): start as many as are missing, or see why server 1 cannot reach them."},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := doctor.Examine(tc.answers, error.Error)
			var got []string
			healthy := true
			for _, f := range r.Findings {
				if f.Grave {
					got, healthy = append(got, "! "+f.Text), false
				} else {
					got = append(got, f.Text)
				}
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("found\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(tc.want, "\n  "))
			}
			if r.Leader != tc.leader || r.Healthy() != healthy {
				t.Errorf("leader %d, healthy %v", r.Leader, r.Healthy())
			}
		})
	}
}

// TestExamineTakesAnything: a server of another release may leave out whatever it likes.
func TestExamineTakesAnything(t *testing.T) {
	for _, role := range []adminv1.Role{0, 1, 2, 3, 4, 9} {
		r := doctor.Examine([]survey.Answer{{Server: "a:1", Status: &adminv1.StatusResponse{Role: role}}, {Server: "b:1", Status: &adminv1.StatusResponse{Id: 4}}}, error.Error)
		if len(r.Findings) == 0 {
			t.Errorf("nothing is said of role %v", role)
		}
	}
}
