package client

import (
	"slices"

	"google.golang.org/protobuf/proto"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// call is a request of a session, from when it was made until its outcome is known.
type call struct {
	request *apiv1.SessionCall
	size    int64 // of the request, for the bound on all of them together
	write   bool
	sent    bool // it was handed to a stream, and may have reached a server
	untold  bool // it was sent on a stream of whose writes nothing will be known
	dropped bool // nobody waits for it any more
	refused error
	pieces  []*apiv1.ListResponse
	// arrived, if not nil, sees the answer, nil for a failure, before anything behind it in the stream is looked at.
	arrived func(*apiv1.SessionAnswer, error)
	renewal bool          // it belongs to the stream: it restores or tidies what the stream has, and does not outlive it
	watch   *registration // which a renewal leaves again

	done   chan struct{} // closed when answer and err are set
	answer *apiv1.SessionAnswer
	err    error
}

// overhead is what a call costs beside its encoded request, in bytes.
const overhead = 512

func newCall(request *apiv1.SessionCall) *call {
	return &call{request: request, size: int64(proto.Size(request)) + overhead, write: changes(request), done: make(chan struct{})}
}

// changes tells whether a call is a write: carried out twice it would do something else than once.
func changes(request *apiv1.SessionCall) bool {
	switch request.GetOp().(type) {
	case *apiv1.SessionCall_Create, *apiv1.SessionCall_Delete, *apiv1.SessionCall_Set, *apiv1.SessionCall_SetAcl, *apiv1.SessionCall_Multi:
		return true
	}
	return false
}

// queue holds the calls without an answer in the order in which they were made. Those in front were sent on the current stream.
type queue struct {
	calls []*call
	sent  int
	cxid  int64 // the number given last
	// local tells that the current stream began as that of a local session, of which servers keep no last write.
	local bool
}

func (q *queue) push(c *call) { q.calls = append(q.calls, c) }

// The most that is sent in one message: enough to make the cost of a message small, and little beside gRPC's limit.
const (
	maxBatchCalls = 1000
	maxBatchBytes = 1 << 20
)

// take numbers the next calls to send, at least one if there is any.
func (q *queue) take() []*apiv1.SessionCall {
	var batch []*apiv1.SessionCall
	var size int64
	for _, c := range q.calls[q.sent:] {
		size += c.size
		if len(batch) > 0 && (size > maxBatchBytes || len(batch) == maxBatchCalls) {
			break
		}
		q.cxid++
		c.request.Cxid, c.sent, c.untold = q.cxid, true, q.local
		batch = append(batch, c.request)
	}
	q.sent += len(batch)
	return batch
}

// head returns the call that the next answer is for, nil if nothing was sent.
func (q *queue) head() *call {
	if q.sent == 0 {
		return nil
	}
	return q.calls[0]
}

func (q *queue) pop() {
	q.calls[0] = nil
	q.calls, q.sent = q.calls[1:], q.sent-1
}

// remove takes a call out that was never sent, and tells whether it was one.
func (q *queue) remove(c *call) bool {
	if c.sent {
		return false
	}
	i := slices.Index(q.calls, c)
	if i >= 0 {
		q.calls = slices.Delete(q.calls, i, i+1)
	}
	return i >= 0
}
