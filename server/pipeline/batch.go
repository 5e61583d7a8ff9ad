package pipeline

import (
	"time"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/server/lease"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/wal"
)

// job is a request on its way: one that was started on this server, or one that a learner has forwarded in a
// reign. reply and err belong to whoever carries the job.
type job struct {
	Request
	reply Reply
	err   error
	done  func(Reply, error) // called once, by whom the job has come to
	term  *peer.Term         // the reign in which it was forwarded; nil for one that was started here
	// expires is the session that the request closes because it is due; 0 for any other.
	expires txn.SessionID
}

// batch is a peer.Batch being made, with those who wait for it.
type batch struct {
	pipeline *Pipeline
	term     *peer.Term
	leases   *lease.Leases
	jobs     []*job // started on this server: finished when the batch is applied
	others   []*job // of learners: finished when the batch is proposed
	requests int
	records  []wal.Record
	changes  []store.Change
	bytes    int
}

func (b *batch) room() bool { return b.requests < maxBatch && b.bytes < maxBatchBytes }

// add prepares a request on the tip. A refused one stays in the batch, as a
// waiter for the tip it was refused on.
func (b *batch) add(j *job) {
	switch {
	case j.Voided():
		j.done(Reply{}, peer.Refusal(errVoid))
		return
	case j.term == nil:
		b.jobs = append(b.jobs, j)
	case j.term == b.term:
		b.others = append(b.others, j)
	default:
		j.done(Reply{}, peer.Refusal(errOtherReign))
		return
	}
	b.requests++
	if _, ok := j.Op.(*tree.AttachRequest); ok {
		j.done = confirmed(b.term, j.done)
	}
	j.reply, j.err = b.prepare(j)
}

// confirmed answers whether a session may be taken up only when a quorum has followed since: a leader that was deposed and does not know it lacks what the
// session has done since, and its client would repeat that; and it lacks sessions that were opened since.
func confirmed(term *peer.Term, done func(Reply, error)) func(Reply, error) {
	return func(r Reply, err error) {
		if err != nil && !fault.Is(err, fault.NoSession) {
			done(r, err)
			return
		}
		term.Confirm(func(lost error) {
			if lost != nil {
				r, err = Reply{}, lost
			}
			done(r, err)
		})
	}
}

func (b *batch) prepare(j *job) (Reply, error) {
	r := &j.Request
	if err := b.admit(j); err != nil {
		return Reply{}, err
	}
	op, err := b.term.Tip().Prepare(b.named(r), r.Caller, b.pipeline.limits)
	switch {
	case err != nil:
		return Reply{}, err
	case op == nil:
		return b.attached(r), nil
	}
	b.lease(j, op)
	h := txn.Header{Session: r.Session, Cxid: r.Cxid, Author: r.Author}
	rec, out := b.term.Log(h, op)
	b.records = append(b.records, rec)
	b.changes = store.AddChange(b.changes, rec.Zxid, &out)
	b.bytes += len(rec.Payload)
	b.pipeline.softQuotas(out.SoftQuota)
	return Reply{Zxid: rec.Zxid, Results: spread(r.Op, out.Results)}, nil
}

// spread puts an empty result in the place of each check of a Multi: checks
// leave no trace in the txn, and so have no result of their own.
func spread(op tree.Request, results []tree.Result) []tree.Result {
	multi, ok := op.(*tree.MultiRequest)
	if !ok || len(multi.Ops) == len(results) {
		return results
	}
	all := make([]tree.Result, len(multi.Ops))
	for i, op := range multi.Ops {
		if _, check := op.(*tree.CheckRequest); !check {
			all[i], results = results[0], results[1:]
		}
	}
	return all
}

func (p *Pipeline) softQuotas(paths []string) {
	if p.events.SoftQuota == nil {
		return
	}
	for _, path := range paths {
		p.events.SoftQuota(path)
	}
}

// finished returns the batch as the peer takes it. It is done once.
func (b *batch) finished() *peer.Batch {
	tip, proposed := b.term.Tip(), time.Now()
	pb := &peer.Batch{Records: b.records, Changes: b.changes, Zxid: tip.Zxid(), Done: func(err error) {
		if applied := b.pipeline.events.Applied; applied != nil && err == nil && len(b.records) > 0 {
			applied(len(b.records), time.Since(proposed))
		}
		b.done(err)
		<-b.pipeline.slots
	}}
	if len(b.records) > 0 {
		pb.Version = tip.Publish()
	}
	return pb
}

// proposed answers the learners: they hold the answer until they have applied what it is about.
func (b *batch) proposed() {
	for _, j := range b.others {
		j.done(j.reply, j.err)
	}
}

// refuse answers all of a batch that was not proposed: nothing of it was done, and what was found
// on its tip is no answer, only a reason to ask again.
func (b *batch) refuse(cause error) {
	for _, jobs := range [][]*job{b.jobs, b.others} {
		for _, j := range jobs {
			j.done(Reply{}, peer.Refusal(cause))
		}
	}
}

// done answers the clients of this server. If the batch failed, a request that was refused was
// refused by a tip that may never be.
func (b *batch) done(err error) {
	for _, j := range b.jobs {
		switch {
		case err == nil:
			j.done(j.reply, j.err)
		case j.err != nil:
			j.done(Reply{}, peer.Refusal(err))
		default:
			j.done(Reply{}, err)
		}
	}
}
