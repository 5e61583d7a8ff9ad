package server

import (
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/server/config"
)

// word asks a server a four-letter word.
func (w *world) word(t *testing.T, word string) string {
	t.Helper()
	c, err := net.Dial("tcp", w.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, word); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

// TestToolsSeeAnEnsemble: words and commands tell who leads and who follows, and what a server says that has lost the others.
func TestToolsSeeAnEnsemble(t *testing.T) {
	all := ensemble(t, peersOn(t, 3, 1), func(c *config.Config) {
		c.Words, c.AdminAddr, c.ReadOnlyMode = config.Words{config.AllWords}, "127.0.0.1:0", false
	})
	leader, follower := leaderOf(t, all)
	observer := all[3]
	eventually(t, "the leader has synced followers", func() bool {
		return strings.Contains(leader.word(t, "mntr"), "\nzk_synced_followers\t2\n") && strings.Contains(leader.word(t, "mntr"), "\nzk_synced_observers\t1\n")
	})
	for _, c := range []struct {
		server *world
		mode   string
	}{{leader, "leader"}, {follower, "follower"}, {observer, "observer"}} {
		if got := c.server.word(t, "srvr"); !strings.Contains(got, "\nMode: "+c.mode+"\n") || strings.Contains(got, "Proposal sizes") != (c.server == leader) {
			t.Errorf("%s: srvr is %s", c.mode, got)
		}
		mntr := c.server.word(t, "mntr")
		if !strings.Contains(mntr, "\nzk_server_state\t"+c.mode+"\n") || !strings.Contains(mntr, "\nzk_quorum_size\t3\n") || strings.Contains(mntr, "zk_learners") != (c.server == leader) {
			t.Errorf("%s: mntr is %s", c.mode, mntr)
		}
		var view struct {
			Config map[string]struct {
				Type string `json:"learner_type"`
			} `json:"current_config"`
			Leader int `json:"leader_id"`
		}
		for _, name := range []string{"voting_view", "leader"} {
			if err := json.Unmarshal([]byte(fetch(t, "http://"+c.server.AdminAddr()+"/commands/"+name)), &view); err != nil {
				t.Error(err)
			}
		}
		if len(view.Config) != 3 || view.Config["2"].Type != "participant" || view.Leader != int(leader.cfg.ID) {
			t.Errorf("%s: told %+v", c.mode, view)
		}
	}
	for _, w := range all {
		if w != follower {
			if err := w.stop(); err != nil {
				t.Fatal(err)
			}
		}
	}
	const silent = "This ZooKeeper instance is not currently serving requests\n"
	eventually(t, "the last server serves nobody", func() bool { return follower.word(t, "srvr") == silent })
	if got := follower.word(t, "isro") + follower.word(t, "ruok"); got != "nullimok" {
		t.Errorf("without a quorum: %q", got)
	}
}
