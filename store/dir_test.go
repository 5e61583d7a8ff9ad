package store

import (
	"context"
	"strings"
	"testing"

	"github.com/quorate/quorate/store/epochs"
	"github.com/quorate/quorate/store/vfs"
)

// TestNewDirectoryIsDurable: every directory on the way to a new data directory
// survives a power cut, or a server would start from nothing, and say nothing.
func TestNewDirectoryIsDurable(t *testing.T) {
	fs := vfs.NewMem()
	cfg := config(fs)
	cfg.Dir = "/var/lib/deep/data"
	s := openStore(t, cfg)
	want := s.Identity()
	must(t, s.Close())
	cfg.FS = fs.CrashClone(nil, vfs.KeepSynced)
	s, err := Open(context.Background(), cfg)
	must(t, err)
	if got := s.Identity(); got != want {
		t.Errorf("after a power cut the directory is %+v, was %+v", got, want)
	}
	must(t, s.Close())
}

// TestLostLogIsRefused: a server that has promised something had a log.
func TestLostLogIsRefused(t *testing.T) {
	fs := emptyDisk(t)
	cfg := config(fs)
	s := openStore(t, cfg)
	must(t, s.SetEpochs(epochs.Record{Accepted: 1, From: 1, Incarnation: 7}))
	must(t, s.Close())
	names, err := fs.List(dir + "/log")
	must(t, err)
	for _, name := range names {
		must(t, fs.Remove(dir+"/log/"+name))
	}
	_, err = Open(context.Background(), cfg)
	if err == nil || !strings.Contains(err.Error(), "holds no segment of the log") {
		t.Errorf("a directory without its log: %v", err)
	}
}
