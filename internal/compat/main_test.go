package compat_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/quorate/quorate/internal/process"
)

func TestMain(m *testing.M) { os.Exit(runAll(m)) }

// built holds the program that the tests of several servers run.
var built struct {
	sync.Once
	dir, path string
	err       error
}

func runAll(m *testing.M) int {
	defer func() { _ = os.RemoveAll(built.dir) }()
	return m.Run()
}

// binary builds the program once.
func binary(t testing.TB) string {
	t.Helper()
	built.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "quorate-compat"); built.err == nil {
			built.path, built.err = process.Build(context.Background(), built.dir)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

// startEnsemble runs three Quorates as processes until the test ends; all serve.
func startEnsemble(t testing.TB, args ...string) *process.Ensemble {
	t.Helper()
	e, err := process.NewEnsemble(binary(t), t.TempDir(), process.Shape{Voters: 3, Args: append(args, "--super-digest", superDigest, "--sync-limit", "20s")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the servers' last words:\n%s", e.Log(40))
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := e.Start(within(t)); err != nil {
		t.Fatal(err)
	}
	for _, m := range e.Members {
		awaitServing(t, m.Addr, false)
	}
	return e
}

// killLeader kills the server that leads, and returns it.
func killLeader(t testing.TB, e *process.Ensemble) *process.Member {
	t.Helper()
	view, err := e.Await(within(t), "one leads", func(v process.View) bool { return v.Leader() != nil })
	if err != nil {
		t.Fatal(err)
	}
	m := e.Member(view.Leader().GetId())
	m.Kill()
	return m
}

// restart brings a killed server back.
func restart(t testing.TB, m *process.Member) {
	t.Helper()
	if err := m.Start(within(t)); err != nil {
		t.Fatal(fmt.Errorf("server %d: %w", m.ID, err))
	}
}
