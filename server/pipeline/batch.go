package pipeline

import (
	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/wal"
)

// job is a request on its way. reply and err belong to the sequencer until done
// is closed, and to the caller afterwards.
type job struct {
	Request
	reply Reply
	err   error
	done  chan struct{}
}

func (j *job) finish(r Reply, err error) {
	j.reply, j.err = r, err
	close(j.done)
}

// outcome returns what became of the job, or otherwise if that is not known yet.
func (j *job) outcome(otherwise error) (Reply, error) {
	select {
	case <-j.done:
		return j.reply, j.err
	default:
		return Reply{}, otherwise
	}
}

// batch is a peer.Batch being made, with those who wait for it.
type batch struct {
	pipeline *Pipeline
	term     *peer.Term
	jobs     []*job
	records  []wal.Record
	bytes    int
}

func (b *batch) room() bool { return len(b.jobs) < maxBatch && b.bytes < maxBatchBytes }

// add prepares a request on the tip. A refused one stays in the batch, as a
// waiter for the tip it was refused on.
func (b *batch) add(j *job) {
	b.jobs = append(b.jobs, j)
	j.reply, j.err = b.prepare(&j.Request)
}

func (b *batch) prepare(r *Request) (Reply, error) {
	op, err := b.term.Tip().Prepare(r.Op, r.Caller, b.pipeline.limits)
	if err != nil {
		return Reply{}, err
	}
	h := txn.Header{Session: r.Session, Cxid: r.Cxid, Author: r.Author}
	rec, out := b.term.Log(h, op)
	b.records = append(b.records, rec)
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
	tip := b.term.Tip()
	pb := &peer.Batch{Records: b.records, Zxid: tip.Zxid(), Done: func(err error) {
		b.done(err)
		<-b.pipeline.slots
	}}
	if len(b.records) > 0 {
		pb.Version = tip.Publish()
	}
	return pb
}

// done answers all who wait. If the batch failed, a request that was refused was
// refused by a tip that may never be: that is no answer, only a reason to ask again.
func (b *batch) done(err error) {
	for _, j := range b.jobs {
		switch {
		case err == nil:
			j.finish(j.reply, j.err)
		case j.err != nil:
			j.finish(Reply{}, peer.Refusal(err))
		default:
			j.finish(Reply{}, err)
		}
	}
}
