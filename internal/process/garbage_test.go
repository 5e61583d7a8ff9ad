package process_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/internal/process"
)

const (
	callSync     = "/quorate.quorum.v1.Learner/Sync"
	callExchange = "/quorate.quorum.v1.Election/Exchange"
)

// TestGarbageOnPeerPorts throws at the peer ports what does not belong there. Each is answered, if at all, by the end
// of that connection or call; the servers' own streams go on, and no writer notices.
func TestGarbageOnPeerPorts(t *testing.T) {
	c := startCluster(t, process.Shape{Voters: 3, Observers: 1, Args: lenient()})
	h := strike(c, 4)
	h.awaitAll()
	before := c.await("all servers serve", process.View.Complete)
	lead := c.Member(before.Leader().GetId())

	for _, m := range c.Members {
		t.Run(fmt.Sprintf("server %d", m.ID), func(t *testing.T) {
			for name, bytes := range rubbish() {
				t.Run(name, func(t *testing.T) { throw(t, m.PeerAddr, bytes) })
			}
			t.Run("TLS", func(t *testing.T) { shakeHands(t, m.PeerAddr) })
			for _, call := range calls(before, lead == m) {
				t.Run(call.name, func(t *testing.T) { call.make(t, m.PeerAddr) })
			}
		})
	}

	h.awaitAll()
	h.end()
	if s := h.summary(); len(h.mu.failed) > 0 {
		t.Errorf("writers noticed: %s", s)
	}
	after := c.await("all servers are equal", process.View.Equal)
	for _, l := range before.Leader().GetLearners() {
		if now := after.Learner(l.GetId()); !proto.Equal(now.GetSyncBegan(), l.GetSyncBegan()) || l.GetSyncBegan() == nil {
			t.Errorf("learner %d has another stream: it began at %v, before at %v", l.GetId(), now.GetSyncBegan(), l.GetSyncBegan())
		}
	}
	if after.Leader().GetEpoch() != before.Leader().GetEpoch() {
		t.Errorf("epoch %d, before %d", after.Leader().GetEpoch(), before.Leader().GetEpoch())
	}
}

// rubbish is what no HTTP/2 connection begins with, or goes on with.
func rubbish() map[string][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 64<<10)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	return map[string][]byte{
		"noise":          noise,
		"HTTP/1":         []byte("POST " + callSync + " HTTP/1.1\r\nHost: x\r\n\r\n"),
		"preface, noise": append([]byte(preface), noise...),
		"preface, huge":  append([]byte(preface), 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1),
	}
}

// throw sends bytes, and returns when the server has ended the connection.
func throw(t *testing.T, addr string, bytes []byte) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = c.Write(bytes) // it may be cut off in the middle
	if _, err := io.Copy(io.Discard, c); isTimeout(err) {
		t.Error("the server does not end the connection")
	}
}

func isTimeout(err error) bool {
	n, ok := err.(net.Error)
	return ok && n.Timeout()
}

// shakeHands says the hello of TLS.
func shakeHands(t *testing.T, addr string) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := tls.Client(c, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(ctx); err == nil || ctx.Err() != nil {
		t.Errorf("a handshake of TLS: %v", err)
	}
}

// abuse is a call that is proper gRPC and nothing that a server would say.
type abuse struct {
	name   string
	method string
	says   []byte // frames, after which the caller waits
	want   []int  // the gRPC status codes that it may end with
}

// calls are abuses, for the leader or for another server.
func calls(v process.View, lead bool) []abuse {
	const invalid, exists, exhausted, precondition, internal = 3, 6, 8, 9, 13
	info := &quorumv1.LearnerInfo{Id: 200, Protocol: 1, Storage: 1, Nonce: 1}
	stranger := &quorumv1.LearnerInfo{Id: 200, Protocol: 1, Storage: 1, Nonce: 1, Ensemble: v.Leader().GetEnsemble() + 1}
	learner := v.Leader().GetLearners()[0]
	double := &quorumv1.LearnerInfo{Id: learner.GetId(), Protocol: 1, Storage: learner.GetStorage(), Durable: true, Nonce: 1, Ensemble: v.Leader().GetEnsemble()}
	all := []abuse{
		{"bad protobuf", callSync, frame([]byte{0xff, 0xff, 0xff}), []int{internal, invalid, precondition}},
		{"too large", callSync, append(header(64<<20), make([]byte, 1<<16)...), []int{exhausted, invalid, precondition}},
		{"bad protobuf in the election", callExchange, frame([]byte{0xff, 0xff, 0xff}), []int{internal, invalid}},
		{"a notification of nobody", callExchange, frame(encode(&quorumv1.ExchangeRequest{Sequence: 1, Id: 200, Notification: &quorumv1.Notification{Round: 1 << 60}})), []int{invalid, precondition}},
	}
	if !lead {
		return append(all, abuse{"a learner", callSync, frame(step(info)), []int{precondition}})
	}
	ahead := &quorumv1.SyncRequest{Step: &quorumv1.SyncRequest_AckEpoch{AckEpoch: &quorumv1.AckEpoch{CurrentEpoch: 1 << 30, LastZxid: 1 << 62}}}
	ack := &quorumv1.SyncRequest{Step: &quorumv1.SyncRequest_Ack{Ack: &quorumv1.Ack{Zxid: 1 << 62}}}
	return append(all,
		abuse{"out of phase", callSync, frame(encode(ack)), []int{invalid}},
		abuse{"no step", callSync, frame(nil), []int{invalid}},
		abuse{"another ensemble", callSync, frame(step(stranger)), []int{precondition}},
		abuse{"a double", callSync, frame(step(double)), []int{exists}},
		abuse{"a wrong epoch", callSync, append(frame(step(info)), frame(encode(ahead))...), []int{invalid}},
		abuse{"an early ack", callSync, append(frame(step(info)), frame(encode(ack))...), []int{invalid}},
	)
}

func step(info *quorumv1.LearnerInfo) []byte {
	return encode(&quorumv1.SyncRequest{Step: &quorumv1.SyncRequest_Info{Info: info}})
}

func encode(m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return b
}

// frame is a message as gRPC has it on the wire.
func frame(message []byte) []byte { return append(header(len(message)), message...) }

// header is what precedes a message of so many bytes: not compressed, the length.
func header(n int) []byte { return []byte{0, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)} }

// make makes the call and holds its status against what is wanted.
func (a abuse) make(t *testing.T, addr string) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	says, more := io.Pipe() // stays open, as a learner's would
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+a.method, io.MultiReader(bytes.NewReader(a.says), says))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}}
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, answer.Body) // up to the end, whatever that is
	more.Close()
	answer.Body.Close()
	said := answer.Trailer
	if said.Get("Grpc-Status") == "" {
		said = answer.Header
	}
	code, err := strconv.Atoi(said.Get("Grpc-Status"))
	if err != nil || !slices.Contains(a.want, code) {
		t.Errorf("status %q (%s), want one of %v", said.Get("Grpc-Status"), said.Get("Grpc-Message"), a.want)
	}
}
