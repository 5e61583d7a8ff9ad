package compat_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/loopback"
	"github.com/quorate/quorate/server"
	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/store/vfs"
)

// quorateConfig is how a Quorate in memory is run with such settings.
func quorateConfig(t testing.TB, s settings) config.Config {
	t.Helper()
	c := config.Default()
	c.DataDir, c.ClientAddr, c.SegmentSize = "/data", "127.0.0.1:0", 8<<20
	c.MinSessionTimeout, c.MaxSessionTimeout = 2*tickMillis*time.Millisecond, 20*tickMillis*time.Millisecond
	c.SyncLimit = 20 * time.Second // nobody is cut off: who is silent stands still
	c.SuperDigest, c.TTLNodes, c.EnforceQuota = superDigest, !s.noTTL, s.quota
	if s.containers {
		c.ContainerInterval = 100 * time.Millisecond
	}
	if s.alone {
		c.Peers = threePeers(t)
	}
	return c
}

// threePeers are the addresses of three servers, of which the first is to be run.
func threePeers(t testing.TB) config.Peers {
	t.Helper()
	list := ""
	for id := 1; id <= 3; id++ {
		addr, err := loopback.Free()
		if err != nil {
			t.Fatal(err)
		}
		list += fmt.Sprintf(",%d=%s", id, addr)
	}
	peers, err := config.ParsePeers(list[1:])
	if err != nil {
		t.Fatal(err)
	}
	return peers
}

// startQuorates runs a Quorate, or three, until the test ends, and returns where it serves.
func startQuorates(t testing.TB, s settings) []string {
	t.Helper()
	if s.three {
		return startThree(t, s)
	}
	addr := runQuorate(t, quorateConfig(t, s), disk(s))
	awaitServing(t, addr, s.alone)
	return []string{addr}
}

// startQuorate runs a Quorate until the test ends, and returns where it serves.
func startQuorate(t testing.TB, s settings) string {
	t.Helper()
	return startQuorates(t, s)[0]
}

// startThree runs three Quorates until the test ends, and returns where they serve, the leader first.
func startThree(t testing.TB, s settings) []string {
	t.Helper()
	c := quorateConfig(t, s)
	c.Peers = threePeers(t)
	var addrs []string
	for id := range c.Peers {
		c.ID = uint(id + 1)
		addrs = append(addrs, runQuorate(t, c, disk(s)))
	}
	for _, addr := range addrs {
		awaitServing(t, addr, false)
	}
	return leaderFirst(t, addrs)
}

// diskTakes is how long a slow disk takes to have a txn for good: far longer than a server to read the next request, on a busy machine too.
const diskTakes = 300 * time.Millisecond

// disk is in memory.
func disk(s settings) vfs.FS {
	if !s.slow {
		return vfs.NewMem()
	}
	return vfs.NewFaults(vfs.NewMem(), func(op vfs.Op) error {
		if op.Kind == vfs.OpSync && strings.Contains(op.Name, "/log/") {
			<-time.After(diskTakes)
		}
		return nil
	})
}

// runQuorate runs a server until the test ends, and returns where it will serve.
func runQuorate(t testing.TB, c config.Config, fs vfs.FS) string {
	t.Helper()
	n, err := server.New(t.Context(), c, server.Options{FS: fs, Build: "test"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel(errors.New("the test is over"))
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return n.Addr()
}
