package server

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/server/config"
)

// benchmark runs call from 64 callers over 4 connections to a server on the real disk.
func benchmark(b *testing.B, call func(context.Context, apiv1.KeeperClient, int64) error) {
	n, err := New(b.Context(), settingsFor(func(c *config.Config) { c.DataDir = b.TempDir() }), Options{})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	var keepers []apiv1.KeeperClient
	for range 4 {
		conn, err := grpc.NewClient(n.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		keepers = append(keepers, apiv1.NewKeeperClient(conn))
	}
	for err := grpc.ErrServerStopped; err != nil; { // until there is a leader
		_, err = keepers[0].Create(ctx, &apiv1.CreateRequest{Path: "/bench", Data: make([]byte, 100)})
	}
	var next atomic.Int64
	b.SetParallelism(64)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		keeper := keepers[next.Add(1)%int64(len(keepers))]
		for p.Next() {
			if err := call(ctx, keeper, next.Add(1)); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
	cancel()
	if err := <-ended; err != nil {
		b.Error(err)
	}
}

func BenchmarkGet(b *testing.B) {
	benchmark(b, func(ctx context.Context, k apiv1.KeeperClient, _ int64) error {
		_, err := k.Get(ctx, &apiv1.GetRequest{Path: "/bench"})
		return err
	})
}

func BenchmarkSet(b *testing.B) {
	data := make([]byte, 100)
	benchmark(b, func(ctx context.Context, k apiv1.KeeperClient, _ int64) error {
		_, err := k.Set(ctx, &apiv1.SetRequest{Path: "/bench", Data: data})
		return err
	})
}

func BenchmarkCreate(b *testing.B) {
	data := make([]byte, 100)
	benchmark(b, func(ctx context.Context, k apiv1.KeeperClient, n int64) error {
		_, err := k.Create(ctx, &apiv1.CreateRequest{Path: fmt.Sprintf("/bench/%d", n), Data: data})
		return err
	})
}
