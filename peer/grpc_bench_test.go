package peer

import (
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/quorate/quorate/store/txn"
)

// BenchmarkTransport streams 100 MB to a learner over loopback TCP, in messages of a snapshot's chunk and
// of a proposal, and opens streams.
//
// With windows of 64 KB it has half the speed and costs half as much CPU again; from 512 KB a stream on, and
// with gRPC's dynamic ones, there is no difference beyond the noise, nor with read and write buffers of 64
// to 256 KB instead of 32.
func BenchmarkTransport(b *testing.B) {
	for _, size := range []int{4 << 10, 128 << 10, 256 << 10} {
		b.Run(fmt.Sprintf("stream/%dK", size>>10), func(b *testing.B) {
			const total = 100 << 20
			one, to := tcpPair(b, nil, scripted{sync: func(s LeaderStream) error {
				m := ballast(size)
				for sent := 0; sent < total; sent += size {
					if err := s.Send(m); err != nil {
						return err
					}
				}
				return nil
			}})
			b.SetBytes(total)
			for b.Loop() {
				s, err := one.Sync(b.Context(), to)
				for err == nil {
					_, err = s.Recv()
				}
				if err != io.EOF {
					b.Fatal(err)
				}
			}
		})
	}
	for name, secret := range map[string][]byte{"open": nil, "open with a secret": password} {
		b.Run(name, func(b *testing.B) {
			one, to := tcpPair(b, secret, polite)
			for b.Loop() {
				s, err := one.Sync(b.Context(), to)
				if err != nil {
					b.Fatal(err)
				}
				for err == nil {
					_, err = s.Recv()
				}
			}
		})
	}
}

// tcpPair is a caller, and a server on loopback until the benchmark ends.
func tcpPair(b *testing.B, secret []byte, s scripted) (*Transport, txn.Member) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	served := make(chan error, 1)
	go func() {
		served <- NewTransport(TransportConfig{Self: 2, MaxRecord: maxRecord, Secret: secret}).Serve(b.Context(), l, s)
	}()
	b.Cleanup(func() {
		if err := <-served; err != nil {
			b.Error(err)
		}
	})
	return NewTransport(TransportConfig{Self: 1, MaxRecord: maxRecord, Secret: secret}), txn.Member{ID: 2, Address: l.Addr().String()}
}
