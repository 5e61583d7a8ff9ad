package process

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/quorate/quorate/client"
	adminv1 "github.com/quorate/quorate/gen/quorate/admin/v1"
)

const (
	// pollEvery is the pause between two looks at an ensemble.
	pollEvery = 20 * time.Millisecond
	// answerLimit is how long a server may take to tell how it is before it counts as not answering.
	answerLimit = 500 * time.Millisecond
)

// View is what the servers of an ensemble said of themselves at about one moment, in the order of
// their ids; nil for one that did not answer.
type View []*adminv1.StatusResponse

// Look asks all servers that run how they are.
func (e *Ensemble) Look(ctx context.Context) View {
	v := make(View, len(e.Members))
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	var wg sync.WaitGroup
	for i, m := range e.Members {
		if m.Running() {
			wg.Go(func() { v[i], _ = m.Status(ctx) }) // nil says it
		}
	}
	wg.Wait()
	return v
}

// Await looks at the ensemble until what is expected holds. It fails when ctx ends, with what the
// servers say then, and at once if two of them have different trees at the same zxid.
func (e *Ensemble) Await(ctx context.Context, what string, holds func(View) bool) (View, error) {
	pause := time.NewTicker(pollEvery)
	defer pause.Stop()
	for {
		v := e.Look(ctx)
		if err := v.Diverged(); err != nil {
			return v, err
		}
		if holds(v) {
			return v, nil
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return v, fmt.Errorf("waiting until %s: %w\n%s", what, context.Cause(ctx), v)
		}
	}
}

// Leader returns the server that leads, nil if none does. Of two that believe so it is
// the one of the later epoch.
func (v View) Leader() (lead *adminv1.StatusResponse) {
	for _, s := range v {
		if s.GetRole() == adminv1.Role_ROLE_LEADER && s.GetEpoch() >= lead.GetEpoch() {
			lead = s
		}
	}
	return lead
}

// Learner returns a server as its leader sees it, nil if it does not.
func (v View) Learner(id uint32) *adminv1.LearnerStatus {
	for _, l := range v.Leader().GetLearners() {
		if l.GetId() == id {
			return l
		}
	}
	return nil
}

// Serves tells whether a server follows the leader and is up to date by both's word.
func (v View) Serves(id uint32) bool {
	s, lead := v[id-1], v.Leader()
	if s == nil || lead == nil || s.GetLeader() != lead.GetId() {
		return false
	}
	return s == lead || s.GetRole() != adminv1.Role_ROLE_LOOKING && v.Learner(id).GetState() == adminv1.LearnerState_LEARNER_STATE_SERVING
}

// Complete tells whether all servers serve and every voter counts.
func (v View) Complete() bool {
	for i, s := range v {
		if id := uint32(i + 1); s == nil || !v.Serves(id) || v.Learner(id).GetVoter() && !v.Learner(id).GetCounts() {
			return false
		}
	}
	return true
}

// Equal tells whether all servers serve, and have the same tree.
func (v View) Equal() bool {
	for _, s := range v {
		if s == nil || s.GetLastApplied() != v[0].GetLastApplied() || s.GetLastLogged() != v[0].GetLastLogged() || s.GetDigest() != v[0].GetDigest() {
			return false
		}
	}
	return v.Complete()
}

// Diverged returns an error if two servers have different trees at the same zxid.
func (v View) Diverged() error {
	first := map[uint64]*adminv1.StatusResponse{}
	for _, s := range v {
		if s == nil {
			continue
		}
		if o := first[s.GetLastApplied()]; o != nil && o.GetDigest() != s.GetDigest() {
			return errors.New("two servers have different trees at the same zxid:\n" + v.String())
		}
		first[s.GetLastApplied()] = s
	}
	return nil
}

// String has a line for each server, and one for each learner of a leader.
func (v View) String() string {
	var b strings.Builder
	for i, s := range v {
		if s == nil {
			fmt.Fprintf(&b, "server %d does not answer\n", i+1)
			continue
		}
		fmt.Fprintf(&b, "server %d: %v %s, epoch %d, leader %d, logged %s, durable %s, committed %s, applied %s, digest %016x, %d nodes\n",
			s.GetId(), s.GetRole(), s.GetReason(), s.GetEpoch(), s.GetLeader(), client.Zxid(s.GetLastLogged()), client.Zxid(s.GetLastDurable()),
			client.Zxid(s.GetLastCommitted()), client.Zxid(s.GetLastApplied()), s.GetDigest(), s.GetNodes())
		for _, l := range s.GetLearners() {
			fmt.Fprintf(&b, "  learner %d: %v, counts %v, %v in %v (%d bytes), acked %s, lag %d txns\n", l.GetId(), l.GetState(), l.GetCounts(),
				l.GetSyncKind(), l.GetSyncTook().AsDuration(), l.GetSyncBytes(), client.Zxid(l.GetAcked()), l.GetLagTxns())
		}
	}
	return b.String()
}
