package compat_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/compat/zookeeper"
)

// patience is how long a test waits for servers.
const patience = time.Minute

// java looks for ZooKeeper once.
var java = sync.OnceValues(zookeeper.Find)

// needJava skips a test where ZooKeeper is not installed.
func needJava(t testing.TB) *zookeeper.Java {
	t.Helper()
	j, err := java()
	if err != nil {
		t.Skip(err)
	}
	return j
}

// within is the context of what must be done soon.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// zookeeperConfig is how a ZooKeeper is run with such settings.
func zookeeperConfig(s settings) zookeeper.Config {
	c := zookeeper.Config{
		Servers: 1,
		Settings: []string{
			fmt.Sprintf("tickTime=%d", tickMillis), fmt.Sprintf("extendedTypesEnabled=%t", !s.noTTL), fmt.Sprintf("enforceQuota=%t", s.quota),
		},
		Properties: []string{"zookeeper.DigestAuthenticationProvider.superDigest=" + superDigest},
	}
	if s.containers {
		c.Properties = append(c.Properties, "znode.container.checkIntervalMs=100")
	}
	if s.three {
		c.Servers = 3
	}
	if s.alone {
		c.Servers = 3
		c.Settings = append(c.Settings, "localSessionsEnabled=true", "localSessionsUpgradingEnabled=true")
		c.Properties = append(c.Properties, "readonlymode.enabled=true")
	}
	return c
}

// startZooKeepers runs a ZooKeeper, or three, until the test ends, and returns where it serves.
func startZooKeepers(t testing.TB, s settings) []string {
	t.Helper()
	e, err := zookeeper.New(needJava(t), t.TempDir(), zookeeperConfig(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	if s.alone {
		first := e.Members[0]
		if err := first.Launch(); err != nil {
			t.Fatal(err)
		}
		if err := first.Await(within(t), "Mode: read-only"); err != nil {
			t.Fatal(err)
		}
		return e.Addrs()[:1]
	}
	if err := e.Start(within(t)); err != nil {
		t.Fatal(err)
	}
	if s.three {
		return leaderFirst(t, e.Addrs())
	}
	return e.Addrs()
}

// startZooKeeper runs a ZooKeeper until the test ends, and returns where it serves.
func startZooKeeper(t testing.TB, s settings) string {
	t.Helper()
	return startZooKeepers(t, s)[0]
}
