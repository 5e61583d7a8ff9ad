package server

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/store/snap"
	"github.com/quorate/quorate/store/vfs"
)

// TestHTTPCommands: ZooKeeper's are served on an address of their own, to this machine alone unless another one is named.
func TestHTTPCommands(t *testing.T) {
	dir := t.TempDir()
	w := run(t, vfs.OS{}, func(c *config.Config) { c.DataDir, c.AdminAddr, c.AdminPath = dir, ":0", "/zk" })
	if host, _, _ := net.SplitHostPort(w.AdminAddr()); host != "127.0.0.1" {
		t.Errorf("commands without a host are served on %s", w.AdminAddr())
	}
	at := "http://" + w.AdminAddr() + "/zk/"
	var told struct {
		State string `json:"server_state"`
		Nodes int    `json:"znode_count"`
		Size  int    `json:"approximate_data_size"`
	}
	if err := json.Unmarshal([]byte(fetch(t, at+"monitor")), &told); err != nil || told.State != "standalone" || told.Nodes != 4 || told.Size == 0 {
		t.Errorf("told %+v, %v", told, err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at+"snapshot", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "digest someone:pw")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v", answer.StatusCode, err)
	}
	file := filepath.Join(t.TempDir(), snap.Name(w.pipeline.Version().Zxid()))
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if v, _, err := snap.Load(vfs.OS{}, file); err != nil || v.Digest() != w.pipeline.Version().Digest() {
		t.Errorf("the snapshot that was streamed: %v", err)
	}
}
