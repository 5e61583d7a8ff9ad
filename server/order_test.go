package server

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// witness hears all that a session with a recursive watch on /m hears, and holds it to the order that is promised: whatever an answer
// shows has been told before, and nothing that a read did not see yet.
type witness struct {
	*sessionStream
	last  map[string]uint64 // zxid of the last event, by path
	told  uint64            // of the last event at all
	asked []*apiv1.SessionCall
	first uint64 // events from here on are told

	events, seen int
}

// hear takes one item.
func (w *witness) hear() {
	i := w.next()
	if e := i.GetEvent(); e != nil {
		if e.GetZxid() < w.told {
			w.t.Errorf("event %v after one at %d", e, w.told)
		}
		w.told, w.last[e.GetPath()] = e.GetZxid(), e.GetZxid()
		w.events++
		return
	}
	call, a := w.asked[0], i.GetAnswer()
	w.asked = w.asked[1:]
	if a.GetCxid() != call.GetCxid() {
		w.t.Fatalf("%v is answered by %v", call, a)
	}
	w.judge(call, a)
}

// judge holds an answer against the events before it.
func (w *witness) judge(call *apiv1.SessionCall, a *apiv1.SessionAnswer) {
	switch r := a.GetResult().(type) {
	case *apiv1.SessionAnswer_Get:
		w.saw(call.GetGet().GetPath(), r.Get.GetStat(), r.Get.GetZxid())
	case *apiv1.SessionAnswer_Exists:
		w.saw(call.GetExists().GetPath(), r.Exists.GetStat(), r.Exists.GetZxid())
	case *apiv1.SessionAnswer_List:
		for _, e := range r.List.GetEntries() {
			w.saw("/m/"+e.GetName(), e.GetStat(), r.List.GetZxid())
		}
	case *apiv1.SessionAnswer_Set:
		w.wrote(call.GetSet().GetPath(), r.Set.GetZxid())
	case *apiv1.SessionAnswer_Create:
		w.wrote(call.GetCreate().GetPath(), r.Create.GetZxid())
	case *apiv1.SessionAnswer_Delete:
		w.wrote(call.GetDelete().GetPath(), r.Delete.GetZxid())
	}
}

// saw judges what a read found at a path: its Stat, or that there is none.
func (w *witness) saw(path string, s *apiv1.Stat, at uint64) {
	w.seen++
	if w.told > at {
		w.t.Errorf("a read of %s at %d comes after an event at %d", path, at, w.told)
	}
	if s.GetMzxid() > w.first && w.last[path] < s.GetMzxid() {
		w.t.Errorf("%s was changed at %d, and the last event about it before the answer is at %d", path, s.GetMzxid(), w.last[path])
	}
	if s.GetMzxid() != 0 && s.GetMzxid() < w.last[path] {
		w.t.Errorf("%s as changed at %d comes after its event at %d", path, s.GetMzxid(), w.last[path])
	}
}

// wrote judges the answer to a write.
func (w *witness) wrote(path string, z uint64) {
	if w.last[path] < z {
		w.t.Errorf("a write of %s is answered at %d, and the last event about it is at %d", path, z, w.last[path])
	}
}

// randomCall is a read or a write of the session's own.
func randomCall(rng *rand.Rand) *apiv1.SessionCall {
	path := fmt.Sprintf("/m/%c", 'a'+rng.IntN(6))
	switch rng.IntN(8) {
	case 0:
		return existsCall(path, false)
	case 1:
		return &apiv1.SessionCall{Op: &apiv1.SessionCall_List{List: &apiv1.ListRequest{Path: "/m", View: apiv1.ListView_LIST_VIEW_STATS}}}
	case 2:
		return setCall(path, "own")
	case 3:
		return createCall(path, persistent)
	case 4:
		return &apiv1.SessionCall{Op: &apiv1.SessionCall_Delete{Delete: &apiv1.DeleteRequest{Path: path}}}
	}
	return getCall(path, false)
}

// Whatever an answer shows was told by an event before it, and no event is told before an answer that does not show it yet: on the leader and on
// a follower, with requests pipelined and others writing.
func TestEventsAndAnswersKeepTheirOrder(t *testing.T) {
	_, leader, follower, _ := trio(t)
	leader.create(t, &apiv1.CreateRequest{Path: "/m"})
	var writers, sessions sync.WaitGroup
	stop := make(chan struct{})
	for i := range 3 {
		writers.Go(func() {
			churn(leader, rand.New(rand.NewPCG(uint64(i), 8)), func() bool {
				select {
				case <-stop:
					return true
				default:
					return false
				}
			})
		})
	}
	for i, server := range []*world{leader, follower} {
		w := &witness{sessionStream: server.session(t, &apiv1.OpenSessionRequest{TimeoutMs: minute}), last: map[string]uint64{}}
		sessions.Go(func() { w.testify(rand.New(rand.NewPCG(uint64(i), 9))) })
	}
	sessions.Wait()
	close(stop)
	writers.Wait()
}

// testify makes requests, some of them at a time, until there was enough to judge.
func (w *witness) testify(rng *rand.Rand) {
	w.first = w.ok(watchCall("/m", apiv1.WatchMode_WATCH_MODE_PERSISTENT_RECURSIVE, 0)).GetAddWatch().GetZxid()
	for round := 0; round < 300 || w.events < 300 || w.seen < 300; round++ {
		var calls []*apiv1.SessionCall
		for range 1 + rng.IntN(10) {
			calls = append(calls, randomCall(rng))
		}
		w.send(calls...)
		for w.asked = calls; len(w.asked) > 0; {
			w.hear()
		}
	}
}
