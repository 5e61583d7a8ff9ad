package peer

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
)

// pingPong is a peer whose leader answers each message with a ping.
func pingPong(received *atomic.Value) scripted {
	return scripted{sync: func(s LeaderStream) error {
		for {
			if _, err := s.Recv(); err != nil {
				received.Store(err)
				return err
			}
			if err := s.Send(pingOf(1)); err != nil {
				return err
			}
		}
	}}
}

// stillGood asks that the port serves others, and the stream that was there before.
func stillGood(t *testing.T, w *wire, before LearnerStream) {
	t.Helper()
	for _, s := range []LearnerStream{before, w.follow(t, t.Context())} {
		if _, err := s.Recv(); err != nil {
			t.Errorf("another stream: %v", err)
		}
	}
}

// bytesCodec sends bytes as they are.
type bytesCodec struct{}

func (bytesCodec) Name() string { return "proto" }

func (bytesCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}

func (bytesCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

var _ encoding.CodecV2 = bytesCodec{}

// stranger is a gRPC client of server 2's port that is not ours.
func (w *wire) stranger(t *testing.T) *grpc.ClientConn {
	t.Helper()
	c, err := grpc.NewClient("passthrough:///stranger", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return w.listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestBadMessages: what is no message, or too large for one, ends that stream alone. The peer learns
// that it made no sense, the sender gets gRPC's code.
func TestBadMessages(t *testing.T) {
	large, err := proto.Marshal(&quorumv1.SyncRequest{Step: &quorumv1.SyncRequest_Ping{Ping: &quorumv1.Ping{Sessions: make([]uint64, (maxRecord+frame)/8)}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		bytes []byte
		want  codes.Code
	}{
		"random":      {[]byte{0xde, 0xad, 0xbe, 0xef}, codes.Internal},
		"cut short":   {[]byte{0x0a, 0x7f, 1, 2, 3}, codes.Internal},
		"oversized":   {large, codes.ResourceExhausted},
		"bad UTF-8":   {[]byte{0xaa, 0x01, 4, 0x22, 2, 0xff, 0xfe}, codes.Internal}, // Request.author
		"endless int": {slices.Repeat([]byte{0xff}, 64), codes.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var received atomic.Value
				w := newWire(t, pingPong(&received))
				before := w.follow(t, t.Context())
				s, err := w.stranger(t).NewStream(t.Context(), &quorumv1.Learner_ServiceDesc.Streams[0], method, grpc.ForceCodecV2(bytesCodec{}))
				if err != nil {
					t.Fatal(err)
				}
				if err := s.SendMsg(&c.bytes); err != nil {
					t.Fatal(err)
				}
				if err := s.RecvMsg(new([]byte)); status.Code(err) != c.want {
					t.Errorf("%v, want %v", err, c.want)
				}
				synctest.Wait()
				if err, _ := received.Load().(error); err == nil {
					t.Error("the peer was not told")
				} else {
					refusedWith(t, err, senseless)
				}
				stillGood(t, w, before)
			})
		})
	}
}

// TestLargestMessage: what is just within the bound passes, both ways; to the caller too, no more does.
func TestLargestMessage(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWire(t, scripted{sync: func(s LeaderStream) error {
			m, err := s.Recv()
			if err != nil {
				return err
			}
			if err := s.Send(stuffed(&quorumv1.SyncResponse{}, proto.Size(m))); err != nil {
				return err
			}
			return s.Send(stuffed(&quorumv1.SyncResponse{}, proto.Size(m)+1))
		}})
		s, err := w.Sync(t.Context(), server2)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Send(stuffed(&quorumv1.SyncRequest{}, maxRecord+frame)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Recv(); err != nil {
			t.Errorf("a message of record and frame: %v", err)
		}
		if _, err := s.Recv(); status.Code(err) != codes.ResourceExhausted {
			t.Errorf("one byte more: %v", err)
		}
	})
}

// stuffed makes a message so many bytes long, with a field that it does not know.
func stuffed[M proto.Message](m M, size int) M {
	tag := []byte{0xfa, 0xff, 0x7f} // field 262143, bytes
	head := append(tag, 0x80, 0x80, 0x80, 0x00)
	n := size - len(head)
	head[3], head[4], head[5] = byte(n)|0x80, byte(n>>7)|0x80, byte(n>>14)|0x80
	head[6] = byte(n >> 21)
	m.ProtoReflect().SetUnknown(append(head, make([]byte, n)...))
	return m
}

// TestGarbage: bytes on the port that are no gRPC end their own connection.
func TestGarbage(t *testing.T) {
	random := rand.NewChaCha8([32]byte{3})
	noise := make([]byte, 64<<10)
	random.Read(noise)
	const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	settings := string([]byte{0, 0, 0, 4, 0, 0, 0, 0, 0})
	for name, bytes := range map[string]string{
		"noise":                  string(noise),
		"HTTP/1":                 "GET / HTTP/1.1\r\nHost: two\r\n\r\n",
		"a four-letter word":     "ruok",
		"the preface and noise":  preface + string(noise),
		"settings and noise":     preface + settings + string(noise),
		"a frame of 16 MB":       preface + settings + "\xff\xff\xff\x00\x00\x00\x00\x00\x01",
		"headers of stream zero": preface + settings + "\x00\x00\x01\x01\x04\x00\x00\x00\x00\x82",
		"headers that are none":  preface + settings + "\x00\x00\x04\x01\x04\x00\x00\x00\x01\xff\xff\xff\xff",
		"nothing":                "",
		"half a preface":         preface[:10],
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var received atomic.Value
				w := newWire(t, pingPong(&received))
				before := w.follow(t, t.Context())
				c, err := w.listener.Dial()
				if err != nil {
					t.Fatal(err)
				}
				ended := make(chan struct{})
				start := time.Now()
				go func() {
					defer close(ended)
					io.Copy(io.Discard, c)
				}()
				io.WriteString(c, bytes) // as far as it is taken
				<-ended
				if took := time.Since(start); took > handshakeLimit {
					t.Errorf("the connection stood for %v", took)
				}
				c.Close()
				stillGood(t, w, before)
			})
		})
	}
}

// TestIdleConnection: nobody keeps a connection for nothing.
func TestIdleConnection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var received atomic.Value
		w := newWire(t, pingPong(&received))
		c := w.stranger(t)
		listed(t, c)
		start := time.Now()
		for c.GetState().String() == "READY" {
			c.WaitForStateChange(t.Context(), c.GetState())
		}
		if took := time.Since(start); took > 2*idleLimit {
			t.Errorf("the connection stood for %v", took)
		}
	})
}

// listed asks the port which services it has.
func listed(t *testing.T, c *grpc.ClientConn) []string {
	t.Helper()
	s, err := reflectionv1.NewServerReflectionClient(c).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	answer := askSchema(t, s, &reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}})
	var names []string
	for _, service := range answer.GetListServicesResponse().GetService() {
		names = append(names, service.GetName())
	}
	s.CloseSend()
	if _, err := s.Recv(); err != io.EOF {
		t.Fatal(err)
	}
	return names
}

func askSchema(t *testing.T, s reflectionv1.ServerReflection_ServerReflectionInfoClient, m *reflectionv1.ServerReflectionRequest) *reflectionv1.ServerReflectionResponse {
	t.Helper()
	if err := s.Send(m); err != nil {
		t.Fatal(err)
	}
	answer, err := s.Recv()
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// TestReflection: what grpcurl's list and describe ask for, also of a port with a secret.
func TestReflection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWire(t, scripted{}, func(_, two *TransportConfig) { two.Secret = password })
		c := w.stranger(t)
		if names := listed(t, c); !slices.Contains(names, "quorate.quorum.v1.Learner") || !slices.Contains(names, "quorate.quorum.v1.Election") || !slices.Contains(names, "quorate.quorum.v1.Handshake") {
			t.Errorf("services %q", names)
		}
		s, err := reflectionv1.NewServerReflectionClient(c).ServerReflectionInfo(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		answer := askSchema(t, s, &reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "quorate.quorum.v1.Learner.Sync"}})
		var file descriptorpb.FileDescriptorProto
		if err := proto.Unmarshal(answer.GetFileDescriptorResponse().GetFileDescriptorProto()[0], &file); err != nil {
			t.Fatal(err)
		}
		if name := file.GetService()[0].GetMethod()[0].GetName(); name != "Sync" {
			t.Errorf("described %v", file.GetService())
		}
	})
}

// TestReflectionDoesNotHoldUp: a port closes although somebody keeps asking for its schema.
func TestReflectionDoesNotHoldUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWire(t, scripted{})
		s, err := reflectionv1.NewServerReflectionClient(w.stranger(t)).ServerReflectionInfo(metadata.AppendToOutgoingContext(t.Context(), "a", "b"))
		if err != nil {
			t.Fatal(err)
		}
		askSchema(t, s, &reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}})
		start := time.Now()
		if err := w.close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > drainLimit {
			t.Errorf("the port took %v to close", took)
		}
	})
}

// mute is a connection on which nothing arrives any more, in either direction, once cut.
type mute struct {
	net.Conn
	cut *atomic.Bool
}

func (m mute) Write(b []byte) (int, error) {
	if m.cut.Load() {
		return len(b), nil
	}
	return m.Conn.Write(b)
}

// TestDeadHost: gRPC's own ping is the net below the peers' pings: a silent connection is found dead
// by both ends, and one on which nobody says anything for long is not.
func TestDeadHost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var cut atomic.Bool
		var received atomic.Value
		l := bufconn.Listen(1 << 20)
		w := newWire(t, pingPong(&received), func(one, _ *TransportConfig) {
			one.DialContext = func(ctx context.Context, _ string) (net.Conn, error) {
				c, err := l.DialContext(ctx)
				return mute{c, &cut}, err
			}
		})
		go NewTransport(TransportConfig{Self: 2}).Serve(t.Context(), deaf{l, &cut}, pingPong(&received))
		s := w.follow(t, t.Context())
		if _, err := s.Recv(); err != nil {
			t.Fatal(err)
		}
		waitInBubble(time.Hour)
		if err := s.Send(learnerInfo(1)); err != nil {
			t.Fatalf("after a silent hour: %v", err)
		}
		if _, err := s.Recv(); err != nil {
			t.Fatalf("after a silent hour: %v", err)
		}
		cut.Store(true)
		start := time.Now()
		_, err := s.Recv()
		if took := time.Since(start); status.Code(err) != codes.Unavailable || took > 2*pingAfter+2*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
		waitInBubble(pingAfter + 2*time.Second)
		if err, _ := received.Load().(error); err == nil {
			t.Error("the server's end still stands")
		}
	})
}

// deaf is a listener of connections that are [mute].
type deaf struct {
	net.Listener
	cut *atomic.Bool
}

func (d deaf) Accept() (net.Conn, error) {
	c, err := d.Listener.Accept()
	return mute{c, d.cut}, err
}
