package survey_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/quorate/quorate/cmd/quorate/internal/render"
	"github.com/quorate/quorate/cmd/quorate/internal/survey"
	adminv1 "github.com/quorate/quorate/gen/quorate/admin/v1"
)

// answers are of a leader, of a follower and of nobody; an observer was not asked.
func answers() []survey.Answer {
	server := func(id uint32, role adminv1.Role) *adminv1.StatusResponse {
		return &adminv1.StatusResponse{
			Id: id, Role: role, Epoch: 3, Leader: 1, LastApplied: 3<<32 + 7, LastCommitted: 3<<32 + 7, LastDurable: 3<<32 + 8, LastLogged: 3<<32 + 9,
			Nodes: 5, Sessions: 2, LogBytes: 1 << 20, Digest: 0xfeed, UptimeSeconds: 61, Version: "v1", MembersZxid: 1<<32 + 1,
		}
	}
	leader := server(1, adminv1.Role_ROLE_LEADER)
	for id := uint32(1); id <= 4; id++ {
		leader.Members = append(leader.Members, &adminv1.Member{Id: id, Address: string(rune('a'+id-1)) + ":2888", Voter: id < 4})
	}
	leader.Learners = []*adminv1.LearnerStatus{
		{
			Id: 2, State: adminv1.LearnerState_LEARNER_STATE_SERVING, Voter: true, LagTxns: 3, LagBytes: 2048, SyncKind: adminv1.SyncKind_SYNC_KIND_SNAP,
			SyncBegan: timestamppb.New(time.Unix(1, 0)), SyncTook: durationpb.New(1500 * time.Millisecond), Silent: durationpb.New(time.Second),
		},
		{Id: 4, State: adminv1.LearnerState_LEARNER_STATE_SYNCHRONIZING, SyncKind: adminv1.SyncKind_SYNC_KIND_DIFF},
	}
	return []survey.Answer{
		{Server: "a:2181", Status: leader}, {Server: "b:2181", Status: server(2, adminv1.Role_ROLE_FOLLOWER)}, {Server: "c:2181", Err: errors.New("down")},
	}
}

const table = `
SERVER    ID  ROLE             EPOCH  APPLIED  COMMITTED  DURABLE  LOGGED  DIGEST            NODES  SESSIONS  LOG      STATE                 LAG              SYNC          UPTIME  VERSION
a:2181    1   leader           3      3.7      3.7        3.8      3.9     000000000000feed  5      2         1.0 MiB  -                     -                -             1m1s    v1
b:2181    2   follower         3      3.7      3.7        3.8      3.9     000000000000feed  5      2         1.0 MiB  serving, not counted  3 txns, 2.0 KiB  snap in 1.5s  1m1s    v1
c:2181    -   does not answer
(c:2888)  3   voter            -      -        -          -        -       -                 -      -         -        not connected         -                -
(d:2888)  4   observer         -      -        -          -        -       -                 -      -         -        synchronizing         0 txns, 0 B      diff
`

// TestOneTableForTheEnsemble has a row for each server, also for those that were not asked.
func TestOneTableForTheEnsemble(t *testing.T) {
	var out bytes.Buffer
	if err := survey.Print(render.Printer{Out: &out}, answers(), error.Error); err != nil {
		t.Fatal(err)
	}
	if got := "\n" + out.String(); got != table {
		t.Errorf("got%s\nwant%s", got, table)
	}
	out.Reset()
	if err := survey.Print(render.Printer{Out: &out}, answers()[1:], error.Error); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out.String(), "\n"); lines != 3 {
		t.Errorf("without the leader:\n%s", out.String())
	}
}

// TestEachAnswerWholeInJSON has what the table leaves out.
func TestEachAnswerWholeInJSON(t *testing.T) {
	var out bytes.Buffer
	if err := survey.Print(render.Printer{Out: &out, Format: render.JSON}, answers(), error.Error); err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Server, Error, Role, Digest string
		MembersZxid                 string `json:"members_zxid"`
		Members                     []struct {
			ID      int
			Address string
			Voter   bool
		}
		Election map[string]any
		Learners []struct {
			ID      int
			State   string
			LagTxns int     `json:"lag_txns"`
			Kind    string  `json:"sync_kind"`
			Began   string  `json:"sync_began"`
			Took    float64 `json:"sync_seconds"`
		}
	}
	if err := json.Unmarshal(out.Bytes(), &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != 3 || all[2].Error != "down" || all[0].Digest != "000000000000feed" || all[0].MembersZxid != "1.1" || all[1].Role != "follower" {
		t.Fatalf("got %+v", all)
	}
	if m := all[0].Members; len(m) != 4 || m[3].Address != "d:2888" || m[3].Voter || !m[0].Voter {
		t.Errorf("members %+v", m)
	}
	l := all[0].Learners
	if len(l) != 2 || l[0].State != "serving" || l[0].LagTxns != 3 || l[0].Kind != "snap" || l[0].Took != 1.5 || l[0].Began != "1970-01-01T00:00:01.000Z" {
		t.Errorf("learners %+v", l)
	}
	if unheard, ok := all[1].Election["unheard"].([]any); !ok || len(unheard) != 0 {
		t.Errorf("election %v", all[1].Election)
	}
}

// TestLeaderAmongAnswers is the one in the greatest epoch.
func TestLeaderAmongAnswers(t *testing.T) {
	lead := func(server string, epoch uint32) survey.Answer {
		return survey.Answer{Server: server, Status: &adminv1.StatusResponse{Role: adminv1.Role_ROLE_LEADER, Epoch: epoch}}
	}
	if a, ok := survey.Leader([]survey.Answer{{Err: errors.New("down")}, lead("old", 2), lead("new", 3), lead("older", 1)}); !ok || a.Server != "new" {
		t.Errorf("got %v, %v", a, ok)
	}
	if a, ok := survey.Leader(answers()[1:]); ok {
		t.Errorf("a follower leads: %v", a)
	}
}
