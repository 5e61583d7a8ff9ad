package peer

import (
	"errors"
	"hash/crc32"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// How a leader brings learners to its history: what it sends, to whom, and up to where.

// writesMuch proposes nodes of so many bytes each.
func (c *court) writesMuch(n, bytes int) {
	c.t.Helper()
	for i := range n {
		path := "/much-" + string(rune('a'+i))
		c.carryOut(Request{Op: &tree.CreateRequest{Path: path, ACL: tree.OpenACL(), Data: make([]byte, bytes)}, Caller: tree.Super()}, func(_ Reply, err error) { c.must(err) })
		c.settle()
	}
}

// kinds are the messages in one letter each: Info, Diff, Trunc, Begin, Chunk, End, Proposal, NewLeader, UpToDate.
func kinds(all []*quorumv1.SyncResponse) (s string) {
	for _, m := range all {
		switch step := m.GetStep().(type) {
		case *quorumv1.SyncResponse_Info:
			s += "I"
		case *quorumv1.SyncResponse_Diff:
			s += "D"
		case *quorumv1.SyncResponse_Trunc:
			s += "T"
		case *quorumv1.SyncResponse_Snapshot:
			s += map[bool]string{true: "B"}[step.Snapshot.GetBegin() != nil]
			s += map[bool]string{true: "C"}[step.Snapshot.GetChunk() != nil]
			s += map[bool]string{true: "E"}[step.Snapshot.GetEnd() != nil]
		case *quorumv1.SyncResponse_Proposal:
			s += "P"
		case *quorumv1.SyncResponse_NewLeader:
			s += "N"
		case *quorumv1.SyncResponse_UpToDate:
			s += "U"
		default:
			s += "?"
		}
	}
	return s
}

// TestBlankLearners: a snapshot is sent in place of the whole log, to who keeps no log also if all of that is in memory; but never
// one of nothing.
func TestBlankLearners(t *testing.T) {
	founding := func(t *testing.T) *court {
		c := convene(t, premise{}).opens()
		c.meets(2, 0, ackEpoch(0, 0, 0, true))
		c.waitInBubble(time.Second) // for server 3
		return c
	}
	inMemory := func(t *testing.T) *court {
		c := convene(t, premise{}).opens()
		c.comes(2, learnt{})
		c.waitInBubble(time.Second)
		c.creates("/a")
		return c
	}
	inFiles := func(t *testing.T) *court {
		c, _ := reign(t, premise{}, 2)
		return c
	}
	notApplied := func(t *testing.T) *court {
		c := convene(t, premise{past: worlds["founded"], applied: txn.MakeZxid(9, 9)}).opens()
		c.meets(2, 1, ackEpoch(1, c.past.last(), 0, true))
		return c
	}
	for name, tt := range map[string]struct {
		open func(t *testing.T) *court
		logs bool
		want string
	}{
		"a founding, a log":         {founding, true, "IDN"},
		"a founding, no log":        {founding, false, "IDN"},
		"founded in memory, a log":  {inMemory, true, "IDPN"},
		"founded in memory, no log": {inMemory, false, "IBCEN"},
		"in files, a log":           {inFiles, true, "IBCEN"},
		"in files, no log":          {inFiles, false, "IBCEN"},
		"not applied, a log":        {notApplied, true, "IDPN"},
		"not applied, no log":       {notApplied, false, "IDN"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := tt.open(t)
				defer c.rises()
				four := c.dials(4, func(v *voice) { v.durable = tt.logs })
				four.says(four.info(0))
				four.says(ackEpoch(0, 0, 0, true))
				if got := kinds(four.heard()); got != tt.want {
					t.Errorf("it is sent %s, want %s\n%v", got, tt.want, &c.record)
				}
			})
		})
	}
}

// TestFloorDecides: a learner that has applied what the leader lacks cannot cut it away; one that has not, does.
func TestFloorDecides(t *testing.T) {
	last := txn.MakeZxid(1, 3)
	for floor, want := range map[txn.Zxid]string{last - 1: "ITN", last: "ITN", last + 1: "IBCEN", last + 2: "IBCEN"} {
		synctest.Test(t, func(t *testing.T) {
			c, _ := reign(t, premise{past: func(h *annals) { h.adds(1, "/a", "/b") }}, 2)
			defer c.rises()
			if c.store.Last() != last {
				t.Fatalf("the log ends at %v", c.store.Last())
			}
			three := c.meets(3, 1, ackEpoch(1, last+2, floor, true))
			if got := kinds(three.heard()); got != want {
				t.Errorf("with a floor of %v it is sent %s, want %s", floor, got, want)
			}
		})
	}
}

// TestLogThatCannotBeRead ends the stream that needs it: it is no reason for a snapshot, as a log that was purged is.
func TestLogThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failing atomic.Bool
		gone := errors.New("the disk is gone")
		fs := vfs.NewFaults(vfs.NewMem(), func(op vfs.Op) error {
			if failing.Load() && op.Kind == vfs.OpRead && strings.Contains(op.Name, "/log/") {
				return gone
			}
			return nil
		})
		c, _ := reign(t, premise{fs: fs, past: func(h *annals) { h.adds(1, "/a", "/b", "/c") }}, 2)
		defer c.rises()
		failing.Store(true)
		three := c.meets(3, 1, ackEpoch(1, txn.MakeZxid(1, 2), txn.MakeZxid(1, 2), true))
		if got := kinds(three.heard()); got != "I" || three.stands() || !errors.Is(three.err, gone) {
			t.Errorf("it is sent %s, and the stream ends with %v", got, three.err)
		}
		if c.over() {
			t.Error("the leader is gone")
		}
	})
}

// TestSnapshotVouchesForItself: each chunk has its checksum, and the end the number of chunks and the tree's digest.
func TestSnapshotVouchesForItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := reign(t, premise{timing: patient}, 2)
		defer c.rises()
		c.writesMuch(10, 50<<10)
		loader, v := tree.NewLoader(), c.store.Version()
		var chunks uint64
		three := c.dials(3, func(three *voice) {
			three.mu.sees = func(m *quorumv1.SyncResponse) { // as it is sent: a chunk's bytes are used again
				switch part := m.GetSnapshot().GetPart().(type) {
				case *quorumv1.Snapshot_Begin:
					if b := part.Begin; txn.Zxid(b.GetZxid()) != v.Zxid() || b.GetNodes() != uint64(v.Len()) {
						t.Errorf("it begins with %v, the tree is at %v with %d nodes", b, v.Zxid(), v.Len())
					}
				case *quorumv1.Snapshot_Chunk:
					chunks++
					if crc32.Checksum(part.Chunk.GetData(), crc32.MakeTable(crc32.Castagnoli)) != part.Chunk.GetCrc() {
						t.Errorf("chunk %d has another checksum", chunks)
					}
					if err := loader.Add(part.Chunk.GetData()); err != nil {
						t.Errorf("chunk %d: %v", chunks, err)
					}
				case *quorumv1.Snapshot_End:
					if e := part.End; e.GetChunks() != chunks || e.GetDigest() != v.Digest() {
						t.Errorf("it ends with %v after %d chunks, the tree's digest is %016x", e, chunks, v.Digest())
					}
				}
			}
		})
		three.says(three.info(1))
		ack := ackEpoch(1, c.past.last(), c.past.last(), true)
		ack.GetAckEpoch().Resync = true
		three.says(ack)
		loaded, err := loader.Finish()
		if c.must(err); chunks < 3 || loaded.Digest() != v.Digest() {
			t.Errorf("%d chunks, digest %016x", chunks, loaded.Digest())
		}
	})
}

// TestHistoryEndsAtItsMark: what is proposed while a learner is sent its history comes in broadcast, and the acknowledgement of
// NewLeader stands for no more than was sent before.
func TestHistoryEndsAtItsMark(t *testing.T) {
	for name, limits := range map[string]Limits{"in memory": {}, "in files": {Feed: 1}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, _ := reign(t, premise{timing: patient, limits: limits}, 2)
				defer c.rises()
				mark := c.creates("/b", "/c")
				three := c.dials(3)
				three.says(three.info(1))
				gate := make(chan struct{})
				three.set(func(v *voice) { v.mu.gate = gate })
				three.says(ackEpoch(1, c.past.last(), c.past.last(), true))
				late := c.creates("/d")
				close(gate)
				all := three.heard()
				if got := kinds(all); got != "IDPN" || txn.Zxid(all[3].GetNewLeader().GetLastZxid()) != mark || three.has().last != mark {
					t.Fatalf("it is sent %s up to %v, want up to %v", got, three.has().last, mark)
				}
				three.says(ackNewLeader(2))
				if got := c.lead.term.acks.of(3); got != mark || three.has().last != late {
					t.Errorf("it counts for %v, want %v; it is sent up to %v", got, mark, three.has().last)
				}
			})
		})
	}
}

// TestSendingIsProgress: a learner that says nothing while it is sent its history is kept for as long as it takes some of it
// within InitLimit, be it records or chunks of a snapshot, and what it took is told.
func TestSendingIsProgress(t *testing.T) {
	for name, resync := range map[string]bool{"records": false, "chunks": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const all = 20 * 50 << 10
				c, _ := reign(t, premise{timing: brisk}, 2)
				defer c.rises()
				c.writesMuch(20, 50<<10)
				three := c.dials(3, func(v *voice) {
					v.mu.sees = func(m *quorumv1.SyncResponse) {
						if m.GetProposal() != nil || m.GetSnapshot().GetChunk() != nil {
							time.Sleep(brisk.InitLimit - slack)
						}
					}
				})
				three.says(three.info(1))
				ack := ackEpoch(1, c.past.last(), c.past.last(), true)
				ack.GetAckEpoch().Resync = resync
				three.says(ack)
				got := ""
				for n := 0; !strings.HasSuffix(got, "N"); n++ {
					if n > 10 || !three.stands() {
						t.Fatalf("it is sent %s, and then %v", got, three.err)
					}
					c.waitInBubble(brisk.InitLimit)
					got += kinds(three.heard())
				}
				if n := strings.Count(got, "P") + strings.Count(got, "C"); n < 4 {
					t.Errorf("it is sent %s", got)
				}
				if st := c.lead.roster.of(3).status(); st.Sync.Bytes < all || st.Sync.Bytes > all+all/10 {
					t.Errorf("it has taken %d bytes of %d", st.Sync.Bytes, all)
				}
			})
		})
	}
}

// TestSilenceOfTheSynchronized: who has acknowledged NewLeader and waits for others must be heard within SyncLimit; who is being
// synchronized has InitLimit.
func TestSilenceOfTheSynchronized(t *testing.T) {
	five := append(trio(), txn.Member{ID: 4, Role: txn.Voter}, txn.Member{ID: 5, Role: txn.Voter})
	synctest.Test(t, func(t *testing.T) {
		c := convene(t, premise{members: five, past: worlds["founded"], timing: brisk}).opens()
		defer c.rises()
		var all []*voice
		for _, id := range []txn.ServerID{2, 3, 4} {
			v := c.dials(id)
			v.says(v.info(1))
			all = append(all, v)
		}
		for _, v := range all {
			v.says(ackEpoch(1, c.past.last(), c.past.last(), true))
		}
		silent, pings, syncs := all[0], all[1], all[2]
		pings.set(func(v *voice) { v.mu.pongs = true })
		silent.says(ackNewLeader(2))
		c.waitInBubble(brisk.SyncLimit - slack)
		if !silent.stands() || c.reigns() {
			t.Fatalf("ended too early, or established: %v", silent.err)
		}
		c.waitInBubble(3 * slack)
		if silent.refused() != refusedTooSlow || !pings.stands() || !syncs.stands() {
			t.Errorf("the silent one: %v; the others stand: %v, %v", silent.err, pings.stands(), syncs.stands())
		}
	})
}

// TestFeedKeepsItsLimit: as much is kept as there is room for, and not a record less.
func TestFeedKeepsItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFeeding(t, 4)
		defer f.stop()
		f.feed.limit = 30
		adds := func(n, bytes int) (last txn.Zxid) {
			for range n {
				z := max(f.store.Last()+1, txn.MakeZxid(99, 1))
				recs := []wal.Record{{Zxid: z, Payload: make([]byte, bytes)}}
				f.must(f.store.Append(t.Context(), recs))
				f.durable()
				f.feed.append(recs)
				last = z
			}
			return last
		}
		before := f.feed.mu.base
		adds(3, 10)
		if f.feed.mu.base != before || f.feed.mu.bytes != 30 {
			t.Fatalf("%d bytes after %v: there is room for 30", f.feed.mu.bytes, f.feed.mu.base)
		}
		if last := adds(1, 1); f.feed.mu.bytes != 21 || f.feed.mu.base != last-3 {
			t.Errorf("%d bytes after %v, want one record less", f.feed.mu.bytes, f.feed.mu.base)
		}
	})
}

// TestNoSuccessorBeforeItServes: while an ensemble is being founded no disk is known, and whoever is listed counts; but one that is not
// up to date cannot succeed.
func TestNoSuccessorBeforeItServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := convene(t, premise{}).opens()
		defer c.rises()
		c.comes(2, learnt{}, doesNotAck) // the founding is not committed
		three := c.dials(3)
		three.says(three.info(0))
		three.says(ackEpoch(0, 0, 0, true))
		c.waitInBubble(time.Second)
		if !c.reigns() || !c.lead.term.acks.counts(3) {
			t.Fatalf("established: %v\n%v", c.reigns(), &c.record)
		}
		if err := c.peer.Resign(t.Context(), 3); !fault.Is(err, fault.BadArguments) || c.over() {
			t.Errorf("in favour of one that is being synchronized: %v", err)
		}
	})
}

// TestMarksAreOfADisk: what a server had on another disk stands for nothing, neither on the new one nor when the old one comes back (P6).
func TestMarksAreOfADisk(t *testing.T) {
	a := newAcks(1, 9, voters(1, 2, 3), 5, &beacon{})
	a.set(1, 9, 20)
	a.set(2, 9, 15)
	a.set(2, 8, 7)
	if got := a.of(2); got != 7 {
		t.Errorf("on its new disk it has %v, want 7", got)
	}
	a.set(2, 9, 6)
	if got := a.of(2); got != 6 {
		t.Errorf("on its old disk it has %v, want 6", got)
	}
}

// TestAnswerStandsWhereItWasRefused: the reply to a refused request names the zxid that the refusal names, whatever else
// the reply would say; and that of another error the reply's.
func TestAnswerStandsWhereItWasRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{}, 2)
		defer c.rises()
		for err, want := range map[error]txn.Zxid{&fault.Error{Kind: fault.NodeExists, Zxid: 55}: 55, errors.New("broken"): 44, nil: 44} {
			c.peer.Handle(func(_ Request, done func(Reply, error)) { done(Reply{Zxid: 44}, err) })
			followers[0].heard()
			followers[0].says(creation(1, "/b"))
			if got := followers[0].heard(); len(got) != 1 || txn.Zxid(got[0].GetReply().GetAtZxid()) != want {
				t.Errorf("%v: answered with %v, want at %v", err, got, want)
			}
		}
	})
}

// TestFirstMessageAtItsBounds: the last epoch there is and the last server id are legal; the refusal is that of who is ahead.
func TestFirstMessageAtItsBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := reign(t, premise{}, 3)
		defer c.rises()
		for epoch, want := range map[txn.Epoch]quorumv1.RefusalReason{
			c.lead.epoch: 0, c.lead.epoch + 1: refusedEpoch, txn.MaxEpoch: refusedEpoch, txn.MaxEpoch + 1: refusedMalformed,
		} {
			v := c.dials(253, func(v *voice) { v.nonce = 1 })
			v.says(v.info(epoch))
			if got := v.refused(); got != want {
				t.Errorf("epoch %d: told %v, want %v", epoch, got, want)
			}
			v.leaves()
		}
	})
}

// TestSnapshotOfNothing: who wants a snapshot of a candidate that has applied nothing is told to come back, and when: it is not
// sent an empty tree.
func TestSnapshotOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := convene(t, premise{past: worlds["founded"], applied: txn.MakeZxid(9, 9)}).opens()
		defer c.rises()
		resync := ackEpoch(1, c.past.last(), 0, true)
		resync.GetAckEpoch().Resync = true
		two := c.meets(2, 1, resync)
		if got := two.refused(); got != quorumv1.RefusalReason_REFUSAL_REASON_THROTTLED {
			t.Errorf("refused with %v", got)
		}
		if got := kinds(two.heard()); got != "I" {
			t.Errorf("it is told %q", got)
		}
	})
}
