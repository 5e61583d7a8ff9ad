package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/peer/election"
	"github.com/quorate/quorate/store/epochs"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// errOutOfStep is in the chain of every error that says that this server's log is not
// what the leader takes it for (P8): it comes back and asks for a snapshot.
var errOutOfStep = errors.New("this server's log does not fit what the leader sends")

// learner is the learner's side of one stream: a follower's, or that of an observer. An
// observer keeps a log too, and is a follower that nobody counts (P12).
type learner struct {
	*Peer
	leader txn.Member
	role   Role // once it is up to date: Following or Observing

	stream LearnerStream
	fail   context.CancelCauseFunc // ends the stream, with the cause
	watch  *watchdog
	at     uint16        // port on which the leader serves clients; 0 if it has not said
	disk   txn.StorageID // whose acknowledgements the leader counts
	epoch  txn.Epoch     // the leader's; 0 until it is promised
	last   txn.Zxid      // the last txn appended

	outbox   *outbox
	applier  *applier
	upstream *Upstream
	ledger   ledger
}

func newLearner(p *Peer, leader txn.Member, role Role) *learner {
	l := &learner{Peer: p, leader: leader, role: role, outbox: newOutbox(p.timing.Tick / 2)}
	l.outbox.yield, l.outbox.told = p.yield, &p.touches.told
	l.applier = newApplier(l)
	l.upstream = newUpstream(l.outbox, l.applier)
	return l
}

// follow is one stream to the leader, from dialling to its end. It returns why it ended, never nil,
// after every goroutine that it started has, so that nothing of it reaches the store any
// more (ZOOKEEPER-4712).
func (l *learner) follow(ctx context.Context) error {
	ctx, l.fail = context.WithCancelCause(ctx)
	g, ctx := errgroup.WithContext(ctx)
	l.watch = newWatchdog(l.timing.InitLimit, l.fail)
	err := l.converse(ctx, g)
	l.fail(err)
	_ = g.Wait() // if one of them was first, converse has returned its error
	return l.leave(err)
}

// converse is the learner's side of the conversation; it reads as the protocol. It returns the
// cause of ctx's end if that is why it ended, also when one of its goroutines brought that about.
func (l *learner) converse(ctx context.Context, g *errgroup.Group) error {
	// Discovery
	if err := l.dial(ctx); err != nil {
		return err
	}
	info, err := l.introduce(ctx)
	if err != nil {
		return err
	}
	counts, err := l.promise(info)
	if err != nil {
		return err
	}
	if err := l.ackEpoch(ctx, counts); err != nil {
		return err
	}
	g.Go(func() error { return l.outbox.run(ctx, l.stream) })

	// Synchronization
	if err := l.prepare(ctx); err != nil {
		return err
	}
	g.Go(func() error { return l.watchDisk(ctx) })
	if err := l.takeHistory(ctx); err != nil {
		return err
	}
	if err := l.synced(ctx); err != nil {
		return err
	}
	committed, err := l.awaitUpToDate(ctx)
	if err != nil {
		return err
	}

	// Broadcast
	l.applier.begin(l.last, committed)
	g.Go(func() error { return l.applier.run(ctx) })
	return l.listen(ctx)
}

// dial opens the stream.
func (l *learner) dial(ctx context.Context) (err error) {
	l.watch.start()
	l.stream, err = l.dialer.Sync(ctx, l.leader)
	l.watch.stop()
	if err != nil {
		return fmt.Errorf("the leader, server %d, cannot be reached: %w", l.leader.ID, causeOf(ctx, err))
	}
	return nil
}

// introduce says who is there and learns of the leader's epoch.
func (l *learner) introduce(ctx context.Context) (*quorumv1.LeaderInfo, error) {
	own := l.store.Identity()
	l.disk = own.Storage
	err := l.send(ctx, &quorumv1.SyncRequest{Step: &quorumv1.SyncRequest_Info{Info: &quorumv1.LearnerInfo{
		Id: uint32(l.id), Protocol: protocol, Ensemble: uint64(own.Ensemble), Storage: uint64(own.Storage),
		AcceptedEpoch: uint32(l.store.Epochs().Accepted), Durable: true, Nonce: l.nonce,
	}}})
	if err != nil {
		return nil, err
	}
	m, err := l.recv(ctx)
	if err != nil {
		return nil, err
	}
	info := m.GetInfo()
	if info == nil {
		return nil, unexpected(m, "LeaderInfo")
	}
	l.at = uint16(info.GetClientPort())
	return info, checkLeader(info, l.leader.ID, own.Ensemble)
}

// checkLeader refuses a leader that this server cannot follow. One that has no ensemble
// yet may be founding it: what it has is judged when its membership is applied.
func checkLeader(info *quorumv1.LeaderInfo, id txn.ServerID, own txn.EnsembleID) error {
	switch {
	case info.GetProtocol() != protocol:
		return reject(quorumv1.RefusalReason_REFUSAL_REASON_PROTOCOL, "the leader speaks version %d of the protocol, this server version %d", info.GetProtocol(), protocol)
	case info.GetLeader() != uint32(id):
		return reject(quorumv1.RefusalReason_REFUSAL_REASON_NOT_LEADER, "server %d answers where server %d was expected", info.GetLeader(), id)
	case own != 0 && info.GetEnsemble() != 0 && uint64(own) != info.GetEnsemble():
		return reject(quorumv1.RefusalReason_REFUSAL_REASON_WRONG_ENSEMBLE, "the leader belongs to ensemble %v, this server to %v", txn.EnsembleID(info.GetEnsemble()), own)
	case info.GetEpoch() == 0 || info.GetEpoch() > uint32(txn.MaxEpoch) || info.GetIncarnation() == 0 || info.GetClientPort() > math.MaxUint16:
		return malformed("LeaderInfo makes no sense: epoch %d, incarnation %016x, port %d", info.GetEpoch(), info.GetIncarnation(), info.GetClientPort())
	}
	return nil
}

// promise makes the leader's epoch durable as the accepted one, and tells whether that counts.
func (l *learner) promise(info *quorumv1.LeaderInfo) (counts bool, err error) {
	old, epoch := l.store.Epochs(), txn.Epoch(info.GetEpoch())
	to, incarnation := l.leader.ID, info.GetIncarnation()
	pledges, err := l.pledges()
	if err != nil {
		return false, err
	}
	if !pledges {
		to, incarnation = 0, 0
	}
	next, counts, err := promised(old, to, epoch, incarnation)
	if err != nil {
		return false, err
	}
	l.emit(LeaderMet{Leader: l.leader.ID, Epoch: epoch, Counts: counts})
	if next != old {
		if err := l.store.SetEpochs(next); err != nil {
			return false, broken(err)
		}
		l.emit(EpochAccepted{epoch})
	}
	l.epoch = epoch
	return counts, nil
}

// pledges tells whether a leader may count what this server promises: the membership in force names it as a voter with the
// disk that it has, or one does that is in its log and may be committed by now. What others count must not be
// forgotten (P5), whether it is known here that they do or not.
func (l *learner) pledges() (bool, error) {
	if l.role == Following {
		return true, nil
	}
	for t, err := range l.store.Tail() {
		if err != nil {
			return false, broken(err)
		}
		m, ok := t.Op.(*txn.Membership)
		if ok && newElectorate(election.View{Version: t.Zxid, Membership: *m}, l.quorum).counts(l.id, l.disk) {
			return true, nil
		}
	}
	return false, nil
}

// promised is what becomes of a server's record when a candidate proposes an epoch (P1). The
// promise counts if it is a new one, or repeats one to the same candidacy; given to another
// candidacy before, the epoch is followed only; a lower one is refused. From 0 it is a promise to nobody, which never counts.
func promised(r epochs.Record, from txn.ServerID, epoch txn.Epoch, incarnation uint64) (next epochs.Record, counts bool, err error) {
	switch {
	case epoch > r.Accepted:
		return epochs.Record{Accepted: epoch, From: from, Incarnation: incarnation, Current: r.Current}, from != 0, nil
	case epoch == r.Accepted:
		return r, from != 0 && r.From == from && r.Incarnation == incarnation, nil
	default:
		return r, false, reject(quorumv1.RefusalReason_REFUSAL_REASON_EPOCH, "the leader's epoch is %d, this server has promised epoch %d", epoch, r.Accepted)
	}
}

// ackEpoch says that the epoch is promised, and what this server has: all of it durable.
func (l *learner) ackEpoch(ctx context.Context, counts bool) error {
	if err := l.store.Sync(ctx); err != nil {
		return stored(ctx, err)
	}
	l.last = l.store.Last()
	return l.send(ctx, &quorumv1.SyncRequest{Step: &quorumv1.SyncRequest_AckEpoch{AckEpoch: &quorumv1.AckEpoch{
		CurrentEpoch: uint32(l.store.Epochs().Current), LastZxid: uint64(l.last), Floor: uint64(l.store.Version().Zxid()),
		Counts: counts, Resync: l.resync,
	}}})
}

// synced is the learner's durable order: the history, the epoch that stands on it, the word. Any other
// loses committed txns (ZOOKEEPER-3911, 4643, 4646, 4785). Acknowledgements of proposals come
// after the word (ZOOKEEPER-4685).
func (l *learner) synced(ctx context.Context) error {
	if err := l.store.Sync(ctx); err != nil {
		return stored(ctx, err)
	}
	l.emit(HistoryDurable{l.last})
	r := l.store.Epochs()
	r.Current = l.epoch
	if err := l.store.SetEpochs(r); err != nil {
		return broken(err)
	}
	l.emit(EpochCurrent{l.epoch})
	l.outbox.ackNewLeader(l.epoch, l.last)
	return nil
}

// awaitUpToDate waits for the leader's word that a quorum has its history. Nothing is proposed
// before (P3).
func (l *learner) awaitUpToDate(ctx context.Context) (committed txn.Zxid, err error) {
	m, err := l.recv(ctx)
	if err != nil {
		return 0, err
	}
	word := m.GetUpToDate()
	if word == nil {
		return 0, unexpected(m, "UpToDate")
	}
	l.watch = newWatchdog(l.timing.SyncLimit, l.fail)
	committed = txn.Zxid(word.GetCommitted())
	l.emit(UpToDate{committed})
	return committed, nil
}

// listen takes what the leader sends in broadcast, until the stream ends. It is held back by
// the log, when the buffer of that is full, and by nothing else.
func (l *learner) listen(ctx context.Context) error {
	for {
		m, err := l.recv(ctx)
		if err == nil {
			err = l.hear(ctx, m)
		}
		if err != nil {
			return err
		}
	}
}

func (l *learner) hear(ctx context.Context, m *quorumv1.SyncResponse) error {
	switch step := m.GetStep().(type) {
	case *quorumv1.SyncResponse_Proposal:
		if err := l.log(ctx, step.Proposal, l.applier.offer); err != nil {
			return err
		}
		l.applier.commit(txn.Zxid(step.Proposal.GetCommitted()))
		return nil
	case *quorumv1.SyncResponse_Commit:
		l.applier.commit(txn.Zxid(step.Commit.GetZxid()))
		return nil
	case *quorumv1.SyncResponse_Reply:
		return l.upstream.reply(step.Reply)
	case *quorumv1.SyncResponse_Revalidated:
		return l.upstream.revalidated(step.Revalidated)
	}
	return unexpected(m, "what belongs into broadcast")
}

// watchDisk turns the log's progress into acknowledgements, and into what may be applied.
func (l *learner) watchDisk(ctx context.Context) error {
	z := l.store.Durable()
	for {
		l.outbox.durable(z, l.ledger.settle(z))
		l.applier.durable(z)
		next, err := l.store.WaitProgress(ctx, z)
		if err != nil {
			return stored(ctx, err)
		}
		z = next
	}
}

// leave ends what depends on the stream, first for those who ask who leads, so that nobody who
// saw this one end is given it again.
func (l *learner) leave(cause error) error {
	if l.applier.serves {
		l.become(Standing{Reason: cause})
	}
	l.upstream.end(cause)
	cause = l.heed(cause)
	l.emit(LeaderLost{l.leader.ID, cause})
	return cause
}

// heed does what the stream's end asks of this server: to come back for a snapshot (P8), or to forget a promise
// that the ensemble never came to (P5), if it is one that nobody has counted. What is current was
// promised by a quorum, and stays.
func (l *learner) heed(cause error) error {
	if errors.Is(cause, errOutOfStep) || errors.Is(cause, tree.ErrMismatch) {
		l.resync = true
	}
	var r *Rejection
	if !errors.As(cause, &r) || r.Reason != quorumv1.RefusalReason_REFUSAL_REASON_EPOCH {
		return cause
	}
	promise := l.store.Epochs()
	if promise.From != 0 || promise.Accepted == promise.Current {
		return cause
	}
	if err := l.store.LowerEpochs(epochs.Record{Accepted: promise.Current, Current: promise.Current}); err != nil {
		return broken(err)
	}
	return cause
}

// recv returns the leader's next step, and answers its pings meanwhile.
func (l *learner) recv(ctx context.Context) (*quorumv1.SyncResponse, error) {
	for {
		l.watch.start()
		m, err := l.stream.Recv()
		l.watch.stop()
		switch {
		case errors.Is(err, io.EOF):
			return nil, causeOf(ctx, errors.New("the leader has ended the stream"))
		case err != nil:
			return nil, causeOf(ctx, err)
		}
		ping := m.GetPing()
		if ping == nil || l.epoch == 0 { // before its epoch the leader has nothing to ping for
			return m, nil
		}
		l.outbox.echo(ping.GetRound())
	}
}

// send is for what comes before the outbox.
func (l *learner) send(ctx context.Context, m *quorumv1.SyncRequest) error {
	l.watch.start()
	err := l.stream.Send(m)
	l.watch.stop()
	if err != nil {
		return causeOf(ctx, err)
	}
	return nil
}

// unexpected is the error for a message that the phase does not allow.
func unexpected(m *quorumv1.SyncResponse, want string) error {
	got := "a message without a step"
	if m.GetStep() != nil {
		got = fmt.Sprintf("%T", m.GetStep())
		got = got[strings.LastIndexByte(got, '_')+1:]
	}
	return malformed("the leader sent %s instead of %s", got, want)
}

// causeOf returns why ctx has ended, if it has, since that is then the reason for err.
func causeOf(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// stored tells what an error of the store means that ctx was given to.
func stored(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return refused(err)
}

// refused tells what an error of the store means. A full disk, and what the store refuses as a
// request, end the stream; anything else the server.
func refused(err error) error {
	var f *fault.Error
	switch {
	case errors.As(err, &f):
		return err
	case errors.Is(err, vfs.ErrNoSpace):
		return &fault.Error{Kind: fault.NoSpace, Detail: "no room for what the leader sends", Cause: err}
	}
	return broken(err)
}

// watchdog ends a stream whose leader is silent for too long while this server waits for it:
// the time that the own disk takes is not the leader's fault. Start and stop are for one goroutine.
type watchdog struct {
	limit time.Duration
	timer *time.Timer
}

func newWatchdog(limit time.Duration, fail context.CancelCauseFunc) *watchdog {
	silent := fmt.Errorf("the leader has been silent for %v", limit)
	w := &watchdog{limit: limit, timer: time.AfterFunc(limit, func() { fail(silent) })}
	w.timer.Stop()
	return w
}

func (w *watchdog) start() { w.timer.Reset(w.limit) }
func (w *watchdog) stop()  { w.timer.Stop() }
