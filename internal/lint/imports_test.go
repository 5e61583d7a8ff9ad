package lint

import "testing"

// importing makes a file that imports the paths, one a line from line 2 on.
func importing(paths ...string) string {
	var lines []string
	for _, p := range paths {
		lines = append(lines, `import _ "`+p+`"`)
	}
	return src(lines...)
}

func TestLayers(t *testing.T) {
	const m = "example.com/m/"
	run(t, checkLayers, []example{
		{"downwards", map[string]string{
			"cmd/quorate/serve.go":  importing(m+"server", m+"client", m+"server/config", m+"internal/version", m+"cmd/quorate/internal/render"),
			"server/node.go":        importing(m+"peer", m+"store/tree", m+"gen/quorate/api/v1", m+"server/pipeline", "os", "google.golang.org/grpc"),
			"peer/peer.go":          importing(m+"store", m+"peer/quorum"),
			"client/client.go":      importing(m + "gen/quorate/api/v1"),
			"client/e2e_test.go":    importing(m + "server"),
			"internal/sim/world.go": importing(m+"peer", m+"store/vfs", m+"server/pipeline"),
			"peer/sim_test.go":      importing(m + "internal/sim"),
		}, nil},
		{"client knows no server", map[string]string{
			"client/client.go": importing(m+"server", m+"peer/quorum", m+"store/txn"),
		}, []string{"client/client.go:2", "client/client.go:3", "client/client.go:4"}},
		{"store knows nobody above", map[string]string{
			"store/wal/wal.go":      importing(m + "peer"),
			"store/wal/wal_test.go": importing(m + "server"),
		}, []string{"store/wal/wal.go:2", "store/wal/wal_test.go:2"}},
		{"peer knows no server", map[string]string{"peer/feed.go": importing(m + "server/session")}, []string{"peer/feed.go:2"}},
		{"server knows no client", map[string]string{"server/node.go": importing(m + "client")}, []string{"server/node.go:2"}},
		{"only tests know the simulation", map[string]string{"server/node.go": importing(m + "internal/sim")}, []string{"server/node.go:2"}},
		{"a name that only begins alike", map[string]string{"client/c.go": importing(m + "generous")}, []string{"client/c.go:2"}},
		{"a folder without a place", map[string]string{"util/u.go": src(), "u.go": src()}, []string{".:0", "util:0"}},
	})
}

func TestGRPC(t *testing.T) {
	const grpc, codes = "google.golang.org/grpc", "google.golang.org/grpc/codes"
	run(t, checkGRPC, []example{
		{"at the edges", map[string]string{
			"peer/grpc.go":           importing(grpc, codes),
			"peer/grpc_test.go":      importing(grpc),
			"server/api/get.go":      importing(codes),
			"client/client.go":       importing(grpc),
			"cmd/quorate/main.go":    importing(grpc),
			"store/wal/grpcalike.go": importing("google.golang.org/grpcalike"),
		}, nil},
		{"elsewhere", map[string]string{
			"peer/leader.go":      importing(grpc),
			"peer/leader_test.go": importing(codes),
			"peer/grpc_util.go":   importing(codes),
			"peer/quorum/grpc.go": importing(codes),
			"store/wal/wal.go":    importing("os", codes),
			"internal/sim/sim.go": importing(grpc),
		}, []string{
			"internal/sim/sim.go:2", "peer/grpc_util.go:2", "peer/leader.go:2",
			"peer/leader_test.go:2", "peer/quorum/grpc.go:2", "store/wal/wal.go:3",
		}},
	})
}

func TestZap(t *testing.T) {
	const zap = "go.uber.org/zap"
	run(t, checkZap, []example{
		{"where it belongs", map[string]string{
			"server/zaplog/log.go": importing(zap, zap+"/zapcore"),
			"cmd/quorate/serve.go": importing(zap),
			"server/node_test.go":  importing("go.uber.org/goleak"),
		}, nil},
		{"elsewhere", map[string]string{
			"server/node.go":      importing(zap),
			"peer/peer_test.go":   importing(zap + "/zaptest"),
			"client/client.go":    importing(zap),
			"server/zaplogs/l.go": importing(zap),
		}, []string{"client/client.go:2", "peer/peer_test.go:2", "server/node.go:2", "server/zaplogs/l.go:2"}},
	})
}

func TestQuiet(t *testing.T) {
	run(t, checkQuiet, []example{
		{"edges and tests may log", map[string]string{
			"server/node.go":        importing("log/slog"),
			"store/wal/wal_test.go": importing("log"),
			"store/logic.go":        importing("logic"),
		}, nil},
		{"protocol and storage do not", map[string]string{
			"store/wal/wal.go": importing("log"),
			"peer/leader.go":   importing("log/slog"),
		}, []string{"peer/leader.go:2", "store/wal/wal.go:2"}},
	})
}

func TestPure(t *testing.T) {
	const m = "example.com/m/"
	run(t, checkPure, []example{
		{"pure", map[string]string{
			"store/tree/tree.go": importing("fmt", "net/netip", "encoding/binary", "github.com/tidwall/btree",
				"github.com/cespare/xxhash/v2", "google.golang.org/protobuf/encoding/protowire", m+"store/txn", m+"store/txn/wire"),
			"store/tree/tree_test.go": importing("os", "math/rand/v2", "sync"),
			"store/txn/txn.go":        src(`import "time"`, `type T struct { At time.Time; D time.Duration }`, `var _ = time.UnixMilli(1)`),
			"store/tree/line.go":      importing("sync/atomic"), // an exception
			"store/wal/wal.go":        importing("os", "sync"),  // not a pure package
		}, nil},
		{"impure imports", map[string]string{
			"store/txn/txn.go": importing("os", "os/exec", "net", "net/http", "sync", "sync/atomic", "math/rand/v2", "crypto/rand", "hash/maphash", "log/slog"),
		}, []string{
			"store/txn/txn.go:10", "store/txn/txn.go:11", "store/txn/txn.go:2", "store/txn/txn.go:3", "store/txn/txn.go:4",
			"store/txn/txn.go:5", "store/txn/txn.go:6", "store/txn/txn.go:7", "store/txn/txn.go:8", "store/txn/txn.go:9",
		}},
		{"modules not listed, and our own that are not pure", map[string]string{
			"store/tree/tree.go":     importing("github.com/klauspost/compress/zstd", m+"store/wal", "google.golang.org/protobuf/proto"),
			"store/tree/below/b.go":  importing("os"),
			"store/treelike/tree.go": importing("os"),
		}, []string{"store/tree/below/b.go:2", "store/tree/tree.go:2", "store/tree/tree.go:3", "store/tree/tree.go:4"}},
		{"the clock", map[string]string{
			"peer/election/vote.go": src(`import "time"`, `var _ = time.Now()`, `func f(time clock) { time.Now() }`, `var g = time.Sleep`),
			"peer/election/two.go":  src(`import wall "time"`, `var _ = wall.Since`),
		}, []string{"peer/election/two.go:3", "peer/election/vote.go:3", "peer/election/vote.go:5"}},
		{"goroutines", map[string]string{"peer/quorum/q.go": src(`func f() {`, `go f()`, `}`)}, []string{"peer/quorum/q.go:3"}},
	})
}
