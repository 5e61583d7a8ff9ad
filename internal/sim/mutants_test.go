package sim

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	mutants = flag.Bool("mutants", false, "switch off one rule after the other, and see that it is missed (takes minutes)")
	mutant  = flag.String("mutant", "", "switch off this rule alone")
)

// edit is a change of a source file of the module; old stands in it once.
type edit struct{ file, old, new string }

// rule is a rule of the protocol with what switches it off, and who has to notice.
type rule struct {
	name  string
	edits []edit
	run   []string // the tests that notice, as arguments of the test program
	says  string   // a regular expression for what they say
}

const (
	ifSynced    = "\tif err := l.store.Sync(ctx); err != nil {\n\t\treturn stored(ctx, err)\n\t}\n"
	ifEntered   = "\tif err := l.enterEpoch(l.epoch); err != nil {\n\t\treturn err\n\t}\n"
	ifPromised  = "\tif err := l.epochAcks.join(ctx, l.id, l.disk); err != nil {\n\t\treturn err\n\t}\n"
	ifHasQuorum = "\tif err := l.synced.join(ctx, l.id, l.disk); err != nil {\n\t\treturn err\n\t}\n"
)

// seedsFrom runs random runs until one notices.
func seedsFrom(first, n string) []string {
	return []string{"-test.run", "^TestSeeds$", "-first", first, "-seeds", n, "-seconds", "60", "-stop"}
}

// story runs a script.
func story(name string) []string { return []string{"-test.run", "^TestScripts$/^" + name + "$"} }

// rules are those of DESIGN §4 and of the model's mutants; the numbers are the model's. Its 9, 10 and 13 (proposals
// before the reign, old records counted, a watermark in a file) cannot be had by switching something off.
var rules = []rule{
	{
		"1 history before epoch", []edit{
			{"peer/learner.go", ifSynced + "\tl.emit(HistoryDurable{l.last})\n", ""},
			{"peer/learner.go", "\tl.outbox.ackNewLeader(l.epoch, l.last)\n", ifSynced + "\tl.outbox.ackNewLeader(l.epoch, l.last)\n"},
		}, seedsFrom("1", "100"), "LeaderLogCompleteness|MemoryNotAheadOfDisk",
	},
	{
		"2 sync before ack", []edit{
			{"peer/history.go", "\tl.ledger.enter(l.last, bytes)\n", "\tl.ledger.enter(l.last, bytes)\n\tl.outbox.durable(l.last, 0)\n"},
		}, seedsFrom("1", "20"), "CommittedOnQuorumOfDisks",
	},
	{
		"2b sync before AckNewLeader", []edit{
			{"peer/learner.go", ifSynced + "\tl.emit(HistoryDurable{l.last})\n", "\tl.outbox.ackNewLeader(l.epoch, l.last)\n" + ifSynced + "\tl.emit(HistoryDurable{l.last})\n"},
			{"peer/learner.go", "\tl.emit(EpochCurrent{l.epoch})\n\tl.outbox.ackNewLeader(l.epoch, l.last)\n", "\tl.emit(EpochCurrent{l.epoch})\n"},
		}, seedsFrom("1", "100"), "CommittedOnQuorumOfDisks",
	},
	{
		"3 ahead by logged, not by applied", []edit{
			{"peer/gather.go", "cmp.Compare(txn.Zxid(ack.GetLastZxid()), l.last)", "cmp.Compare(txn.Zxid(ack.GetFloor()), l.store.Version().Zxid())"},
		}, story("longer-history"), "LeaderLogCompleteness",
	},
	{
		"4 established by a quorum that has the history", []edit{
			{"peer/leader.go", ifHasQuorum, "\t_ = l.synced.arrive(l.id, l.disk, nil)\n"},
		}, seedsFrom("1", "100"), "CommittedOnQuorumOfDisks",
	},
	{
		"4b counted for the history, not for the epoch", []edit{
			{"peer/gather.go", "\ts.waiting(true)\n\tdefer s.waiting(false)\n\treturn s.waitPinging(ctx, l.epochAcks.done)\n", "\t_ = l.synced.arrive(s.id, s.disk, nil)\n\treturn s.waitPinging(ctx, l.epochAcks.done)\n"},
		}, seedsFrom("1", "100"), "CommittedOnQuorumOfDisks",
	},
	{
		"5 what is to be cut is cut", []edit{
			{"peer/history.go", "\terr := l.store.TruncateAfter(ctx, after)\n", "\tvar err error\n"},
		}, seedsFrom("1", "20"), "ProcessConsistency|PrefixConsistency",
	},
	{
		"6 a promise counts for one candidacy (P1)", []edit{
			{"peer/learner.go", "return r, from != 0 && r.From == from && r.Incarnation == incarnation, nil", "return r, true, nil"},
		}, story("equal-counted"), "CommittedLogDurability",
	},
	{
		"7 own epoch after the promises (P2)", []edit{
			{"peer/leader.go", ifPromised, ifEntered + ifPromised},
		}, story("own-epoch-early"), "CommonPrefix",
	},
	{
		"8 own epoch before the own vote (P2)", []edit{
			{"peer/leader.go", ifEntered, ""},
			{"peer/leader.go", "\tl.take()\n\terr := l.term.run(ctx)\n", "\tl.take()\n\t_ = l.enterEpoch(l.epoch)\n\terr := l.term.run(ctx)\n"},
		}, story("own-epoch-late"), "CommonPrefix",
	},
	{
		"11 what is found at open is synced", []edit{
			{"store/wal/open.go", "\tif err := file.Sync(); err != nil {\n\t\treturn err\n\t}\n\treturn r.fs.SyncDir(r.dir)\n", "\treturn r.fs.SyncDir(r.dir)\n"},
		}, seedsFrom("1", "100"), "MemoryNotAheadOfDisk|what a power cut leaves",
	},
	{
		"12 a voter that is ahead ends the candidacy", []edit{
			{"peer/gather.go", "l.who.counts(s.id, s.disk) && l.ahead(ack)", "false && l.ahead(ack)"},
		}, story("longer-history"), "LeaderLogCompleteness",
	},
	{
		"14 recovery applies what is known to be committed", []edit{
			{"store/recover.go", "\treturn min(committed, max(after, s.log.Last())), err\n", "\treturn max(committed, after, s.log.Last()), err\n"},
		}, seedsFrom("1", "20"), "CommittedOnQuorumOfDisks|PrefixConsistency|Integrity",
	},
	{
		"15 sync before apply", []edit{
			{"peer/applier.go", "\tuntil = min(a.mu.committed, a.mu.durable)\n", "\tuntil = a.mu.committed\n"},
		}, seedsFrom("1", "20"), "memory is ahead of disk",
	},
	{
		"15b sync before apply, on the leader", []edit{
			{"peer/acks.go", "\treturn min(a.mu.committed, a.mu.marks[a.self].at)\n", "\treturn a.mu.committed\n"},
		}, seedsFrom("1", "20"), "memory is ahead of disk",
	},
	{
		"16 observers do not count", []edit{
			{"peer/membership.go", "System: q(v.Membership)}", "System: q(func() (all txn.Membership) {\n\t\tfor _, m := range v.Membership.Members {\n\t\t\tm.Role = txn.Voter\n\t\t\tall.Members = append(all.Members, m)\n\t\t}\n\t\treturn all\n\t}())}"},
		}, story("observers"), "CommittedOnQuorumOfDisks",
	},
	{
		"17 a disk that the membership does not name counts in nothing (P6)", []edit{
			{"peer/membership.go", "\treturn listed && (e.version == 0 || m.Storage == disk)\n", "\treturn listed && (e.version == 0 || m.Storage == disk || disk != 0)\n"},
			{"peer/election/notification.go", "(v.Version == 0 || m.Storage == disk)", "(v.Version == 0 || m.Storage != 0)"},
		}, story("blank-votes"), "LeaderLogCompleteness",
	},
	{
		"18 nor after it was synchronized (P6)", []edit{
			{"peer/leader.go", "synced: newRendezvous(p.id, who),", "synced: newRendezvous(p.id, &electorate{membership: who.membership, System: who.System}),"},
			{"peer/election/notification.go", "(v.Version == 0 || m.Storage == disk)", "(v.Version == 0 || m.Storage != 0)"},
		}, story("wiped-synced"), "LeaderLogCompleteness",
	},
	{
		"20 a read asks a quorum (P10)", []edit{
			{"peer/rounds.go", "\tr.mu.asks = append(r.mu.asks, ask{r.mu.newest, at, done})\n\tanswered := r.take()\n", "\tanswered := []ask{{r.mu.newest, at, done}}\n"},
		}, seedsFrom("1", "200"), "Linearizability",
	},
	{
		"21 an answer waits for its txn", []edit{
			{"peer/upstream.go", "n < len(u.mu.held) && u.mu.held[n].at <= z", "n < len(u.mu.held)"},
		}, seedsFrom("1", "20"), "NoLostAck|Linearizability",
	},
	{
		"22 what was sent may have happened", []edit{
			{"peer/upstream.go", "if c.harmless || !c.sent {", "if c.harmless || c.sent {"},
		}, seedsFrom("1", "20"), "NoLostAck",
	},
	{
		"23 a promise is durable", []edit{
			{"peer/learner.go", "if err := l.store.SetEpochs(next); err != nil {", "if err := error(nil); err != nil {"},
		}, seedsFrom("1", "20"), "Recovery",
	},
	{
		"24 ephemeral nodes go with their session", []edit{
			{"store/tree/apply.go", "\tpaths := slices.Collect(d.Ephemerals(id))\n", "\tpaths := slices.Collect(d.Ephemerals(id))[:0]\n"},
		}, seedsFrom("1", "5"), "EphemeralsDieWithSessions",
	},
	{
		"25 a touch puts the end off", []edit{
			{"server/lease/table.go", "\t\tl.due = max(l.due, t.due(l, clock))\n", "\t\t_ = clock\n"},
		}, seedsFrom("1", "20"), "TouchedSessionsLive",
	},
	{
		"26 learners tell what was touched", []edit{
			{"peer/touches.go", "\tt.rest = append(t.rest, t.collect()...)\n", "\tt.collect()\n"},
		}, seedsFrom("1", "20"), "TouchedSessionsLive",
	},
	{
		"27 who has left is fenced", []edit{
			{"server/lease/leases.go", "\treturn Moved\n}\n", "\treturn Attached\n}\n"},
		}, seedsFrom("1", "20"), "MovedSessionsAreFenced",
	},
	{
		"27b in the next reign, too", []edit{
			{"server/lease/leases.go", "\t\treturn Unattached\n\t}\n", "\t\tl.mu.table.Attach(id, via, time.Now())\n\t\treturn Attached\n\t}\n"},
		}, seedsFrom("1", "200"), "MovedSessionsAreFenced",
	},
	{
		"28 who takes a session up is judged by the tip, and has it", []edit{
			{"peer/listen.go", "\ts.lead.requests(decodeRevalidate(m, s.id), func(r Reply, err error) {\n", "\tr, err := Reply{Zxid: s.lead.store.Version().Zxid()}, error(nil)\n\tfunc() {\n"},
			{"peer/listen.go", "encodeRevalidated(m.GetId(), r, err)}})\n\t})\n", "encodeRevalidated(m.GetId(), r, err)}})\n\t}()\n"},
		}, seedsFrom("1", "20"), "SessionsEndOnce|MovedSessionsAreFenced",
	},
}

// moduleRoot is the repository's.
const moduleRoot = "../.."

// apply returns the changed files by their paths.
func (r rule) apply(t *testing.T) map[string]string {
	t.Helper()
	changed := map[string]string{}
	for _, e := range r.edits {
		text, ok := changed[e.file]
		if !ok {
			b, err := os.ReadFile(filepath.Join(moduleRoot, e.file))
			if err != nil {
				t.Fatal(err)
			}
			text = string(b)
		}
		if n := strings.Count(text, e.old); n != 1 {
			t.Errorf("%s: %s has this %d times; the rule is written otherwise now, so write otherwise what switches it off:\n%s", r.name, e.file, n, e.old)
		}
		changed[e.file] = strings.Replace(text, e.old, e.new, 1)
	}
	return changed
}

// TestMutantsApply: what switches the rules off still can.
func TestMutantsApply(t *testing.T) {
	for _, r := range rules {
		r.apply(t)
	}
}

// TestMutants: each rule that is switched off is missed. With -mutants: every one is compiled on its own.
func TestMutants(t *testing.T) {
	for _, r := range rules {
		if !*mutants && (*mutant == "" || !strings.HasPrefix(r.name, *mutant+" ")) {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			out, failed := r.without(t)
			if !failed || !regexp.MustCompile(r.says).MatchString(out) {
				t.Errorf("nobody says %s:\n%s", r.says, out)
				return
			}
			t.Log(firstBroken(out))
		})
	}
}

// without runs the tests without the rule.
func (r rule) without(t *testing.T) (out string, failed bool) {
	t.Helper()
	dir := t.TempDir()
	replace := map[string]string{}
	for file, text := range r.apply(t) {
		name, err := filepath.Abs(filepath.Join(moduleRoot, file))
		if err != nil {
			t.Fatal(err)
		}
		replace[name] = filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(replace[name], []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	list, program := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "sim.test")
	if err := os.WriteFile(list, overlay, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "test", "-c", "-vet=off", "-overlay", list, "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := exec.Command(program, append(r.run, "-test.v")...)
	b, err := run.CombinedOutput()
	return string(b), err != nil
}

// firstBroken is the line that says which rule was broken first.
func firstBroken(out string) string {
	for line := range bytes.Lines([]byte(out)) {
		if bytes.Contains(line, []byte("BROKEN")) || bytes.Contains(line, []byte(": server ")) || bytes.Contains(line, []byte("panic")) {
			return strings.TrimSpace(string(line))
		}
	}
	return ""
}
