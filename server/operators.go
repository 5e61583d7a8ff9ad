package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/quorate/quorate/server/commands"
	"github.com/quorate/quorate/server/identity"
	"github.com/quorate/quorate/store/snap"
	"github.com/quorate/quorate/store/txn"
)

// operatorsIdle is how long an operator's connection may be of no use: ZooKeeper's own bound.
const operatorsIdle = 30 * time.Second

// snapshotFile opens the file of a snapshot of what is applied now.
func (n *Node) snapshotFile(ctx context.Context) (io.ReadCloser, txn.Zxid, int64, error) {
	at, err := n.store.Snapshot(ctx)
	if err != nil {
		return nil, 0, 0, err
	}
	f, err := os.Open(filepath.Join(n.cfg.DataDir, "snap", snap.Name(at)))
	if err != nil {
		return nil, 0, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, 0, errors.Join(err, f.Close())
	}
	return f, at, info.Size(), nil
}

// AdminAddr returns the address of ZooKeeper's HTTP commands, empty if they are off.
func (n *Node) AdminAddr() string {
	if n.operators == nil {
		return ""
	}
	return n.operators.Addr().String()
}

// serveCommands serves these until ctx ends, without waiting for those in progress.
func (n *Node) serveCommands(ctx context.Context) error {
	c := commands.New(commands.Config{
		Facts: n.facts(), Path: n.cfg.AdminPath, Prover: identity.NewProver(n.cfg.SuperDigest), Snapshot: n.snapshotFile,
	})
	s := &http.Server{Handler: c, ReadHeaderTimeout: handshakeLimit, IdleTimeout: operatorsIdle}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.Serve(n.operators); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
