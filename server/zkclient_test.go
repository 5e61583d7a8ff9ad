package server

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/compat/wire"
	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// small is a server that takes little memory.
func small(c *config.Config) {
	c.MaxRequest, c.MaxValue, c.SegmentSize = 1<<20, 64<<10, 2<<20
}

// ended tells whether the server has ended a connection, without a word.
func (z *zk) ended() bool {
	_, err := z.Receive(patience)
	return err != nil && !strings.Contains(err.Error(), "timeout")
}

// The zxid of an answer is how far the server is, also when the request failed.
func TestZooKeeperAnswersTellTheLastZxid(t *testing.T) {
	w := run(t, vfs.NewMem(), small)
	z := zkDial(t, w, wire.Hello{Timeout: 30_000})
	made := z.create(1, "/a", "")
	if at := int64(w.pipeline.Version().Zxid()); made.code != 0 || made.zxid != at {
		t.Errorf("created: %d at %x, the server is at %x", made.code, made.zxid, at)
	}
	other := zkDial(t, w, wire.Hello{Timeout: 30_000})
	other.create(1, "/b", "")
	at := int64(w.pipeline.Version().Zxid())
	for xid, r := range map[string]reply{
		"create of what is there": z.create(2, "/a", ""),
		"get of what is not":      z.ask(3, zkGet, onPath("/none", false)),
		"a cut off request":       z.ask(5, zkGet, func(p wire.Packet) wire.Packet { return p.Int(100) }),
	} {
		if r.code == 0 || r.zxid != at {
			t.Errorf("%s: %d at %x, the server is at %x", xid, r.code, r.zxid, at)
		}
	}
	z.send(wire.Packet{}.Int(zkPong).Int(zkPing))
	if r := z.receive(); r.zxid != at || r.xid != zkPong {
		t.Errorf("ping: %x", r.zxid)
	}
}

// A client that has seen more than the server has applied is held for a tick, and then sent away without an answer: an old tree is none.
func TestZooKeeperClientAheadIsSentAway(t *testing.T) {
	w := run(t, vfs.NewMem(), func(c *config.Config) { small(c); c.Tick = 100 * time.Millisecond })
	ahead := int64(txn.MakeZxid(1000, 1))
	c, err := wire.Dial(w.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	z := &zk{t: t, Conn: c}
	began := time.Now()
	z.send(wire.Hello{Timeout: 30_000, Seen: ahead}.Packet())
	if !z.ended() {
		t.Error("it was let in")
	}
	if held := time.Since(began); held < w.cfg.Tick {
		t.Errorf("it was sent away after %v", held)
	}
}

// One that the server catches up with within a tick is let in.
func TestZooKeeperClientAheadIsHeld(t *testing.T) {
	w := run(t, vfs.NewMem(), func(c *config.Config) {
		small(c)
		c.Tick, c.SyncLimit = time.Minute, 2*time.Minute
		c.InitLimit, c.StallLimit = 2*time.Minute, 0
	})
	z := zkDial(t, w, wire.Hello{Timeout: 30_000})
	seen := z.create(1, "/a", "").zxid
	c, err := wire.Dial(w.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	late := &zk{t: t, Conn: c}
	late.send(wire.Hello{Timeout: 30_000, Seen: seen + 1}.Packet())
	z.create(2, "/b", "")
	answer, err := c.Receive(patience)
	if welcome, ok := wire.ReadWelcome(answer); err != nil || !ok || welcome.Session == 0 {
		t.Errorf("it was not let in: %v, %+v", err, welcome)
	}
}

// A client that is held back by --max-rate still hears that the server is alive, and what it asks for is refused and not lost.
func TestZooKeeperPingsAreAnsweredWhateverTheRate(t *testing.T) {
	w := run(t, vfs.NewMem(), func(c *config.Config) { small(c); c.MaxRate = 1 })
	z := zkDial(t, w, wire.Hello{Timeout: 30_000})
	xid := int32(0)
	for throttled := 0; throttled < 2; {
		xid++
		if r := z.ask(xid, zkExists, onPath("/", false)); r.code == -127 {
			throttled++
		}
		z.send(wire.Packet{}.Int(zkPong).Int(zkPing))
		if r := z.receive(); r.xid != zkPong || r.code != 0 {
			t.Fatalf("a ping is answered by %d with %d", r.xid, r.code)
		}
	}
	if r := z.ask(xid+1, zkClose, func(p wire.Packet) wire.Packet { return p }); r.code != 0 {
		t.Errorf("the end of the session is held back: %d", r.code)
	}
}

// exists of what is not there is an error, and leaves its watch.
func TestZooKeeperExistsWatchesWhatIsNotThere(t *testing.T) {
	w := run(t, vfs.NewMem(), small)
	z := zkDial(t, w, wire.Hello{Timeout: 30_000})
	if r := z.ask(1, zkExists, onPath("/a", true)); r.code != -101 {
		t.Fatalf("exists: %d", r.code)
	}
	if r := z.ask(2, zkGet, onPath("/b", true)); r.code != -101 {
		t.Fatalf("get: %d", r.code)
	}
	other := zkDial(t, w, wire.Hello{Timeout: 30_000})
	other.create(1, "/b", "") // of this nothing is told: get leaves no watch where nothing is
	made := other.create(2, "/a", "")
	e := z.receive()
	typ, state := e.Int(), e.Int()
	if path, _ := e.String(); e.xid != zkEvent || e.zxid != made.zxid || typ != 1 || state != 3 || path != "/a" {
		t.Errorf("%d of %x: %d %d %s", e.xid, e.zxid, typ, state, path)
	}
}

// The answer to a multi that failed is a success whose parts say what failed.
func TestZooKeeperFailedMultiIsNoError(t *testing.T) {
	w := run(t, vfs.NewMem(), small)
	z := zkDial(t, w, wire.Hello{Timeout: 30_000})
	r := z.ask(1, zkMulti, func(p wire.Packet) wire.Packet {
		p = open(p.Int(zkCreate).Bool(false).Int(-1).String("/a").String("")).Int(0)
		p = p.Int(zkDelete).Bool(false).Int(-1).String("/none").Int(-1)
		p = open(p.Int(zkCreate).Bool(false).Int(-1).String("/b").String("")).Int(99) // wrong by itself, but its turn never comes
		return p.Int(-1).Bool(true).Int(-1)
	})
	if r.code != 0 {
		t.Fatalf("the answer is %d", r.code)
	}
	for i, want := range []int32{0, -101, -2} {
		typ, done, code, again := r.Int(), r.Byte(), r.Int(), r.Int()
		if typ != -1 || done != 0 || code != want || again != want {
			t.Errorf("operation %d: type %d, %d and %d, want %d", i+1, typ, code, again, want)
		}
	}
	if typ, done, code := r.Int(), r.Byte(), r.Int(); typ != -1 || done != 1 || code != -1 || len(r.Rest()) != 0 {
		t.Errorf("it ends with %d %d %d and %d bytes", typ, done, code, len(r.Rest()))
	}
	if r := z.ask(2, zkExists, onPath("/a", false)); r.code != -101 {
		t.Errorf("/a: %d", r.code)
	}
}

// When a server loses its leader, the connections of sessions end, and those that come are sent elsewhere; who can do
// with it reads. With a leader it is the other way round.
func TestZooKeeperClientsFollowTheQuorum(t *testing.T) {
	all := ensemble(t, peersOn(t, 3, 0), func(c *config.Config) { small(c); c.Tick = 50 * time.Millisecond })
	_, follower := leaderOf(t, all)
	yes := true
	z := zkDial(t, follower, wire.Hello{Timeout: 30_000, ReadOnly: &yes})
	if z.welcome.Rest[0] != 0 {
		t.Error("it is served as if there were no quorum")
	}
	z.create(1, "/a", "data")
	for _, w := range all {
		if w != follower {
			if err := w.stop(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !z.ended() {
		t.Fatal("a session's connection outlives the quorum")
	}
	// It may have ended before, when the first of the others went and the second took its place.
	eventually(t, "there is no quorum", func() bool { return follower.peer.Standing().Role == peer.Looking })
	reader := zkDial(t, follower, wire.Hello{Timeout: 30_000, ReadOnly: &yes})
	if reader.welcome.Rest[0] != 1 {
		t.Error("it is not told that there is no quorum")
	}
	if r := reader.ask(1, zkGet, onPath("/a", false)); r.code != 0 {
		t.Errorf("reading: %d", r.code)
	}
	if r := reader.set(2, "/a", "new"); r.code != -119 {
		t.Errorf("writing: %d", r.code)
	}
	if r := reader.ask(3, zkClose, func(p wire.Packet) wire.Packet { return p }); r.code != 0 {
		t.Errorf("closing: %d", r.code)
	}
	again := zkDial(t, follower, wire.Hello{Timeout: 30_000, ReadOnly: &yes})
	again.Close()
	if back := zkDial(t, follower, wire.Hello{Timeout: 30_000, ReadOnly: &yes, Session: again.welcome.Session, Password: again.welcome.Password}); back.welcome.Session != again.welcome.Session {
		t.Errorf("came back to session %x as %x", again.welcome.Session, back.welcome.Session)
	}
	c, err := wire.Dial(follower.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	writer := &zk{t: t, Conn: c}
	writer.send(wire.Hello{Timeout: 30_000}.Packet())
	if !writer.ended() {
		t.Error("a client that wants to write is let in")
	}
}

// Four letters at the beginning of a connection are answered in words, and the connection ends.
func TestFourLetterWords(t *testing.T) {
	w := run(t, vfs.NewMem(), small)
	for word, begins := range map[string]string{"ruok": "imok", "isro": "rw", "stat": "Zookeeper version: 3.9.", "wchp": "wchp is not executed because it is not in the whitelist."} {
		c, err := net.Dial("tcp", w.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte(word)); err != nil {
			t.Fatal(err)
		}
		if answer, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(answer), begins) {
			t.Errorf("%s: %q, %v", word, answer, err)
		}
	}
}

// A login by SASL begins with a challenge; whoever cannot answer it is told so, and the connection ends.
func TestZooKeeperLogin(t *testing.T) {
	users := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(users, []byte("bob:secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := run(t, vfs.NewMem(), func(c *config.Config) { small(c); c.SASLUsersFile = users })
	z := zkDial(t, w, wire.Hello{Timeout: 30_000})
	token := func(s string) func(wire.Packet) wire.Packet {
		return func(p wire.Packet) wire.Packet { return p.String(s) }
	}
	r := z.ask(1, 102, token(""))
	if challenge, _ := r.String(); r.code != 0 || !strings.Contains(challenge, `realm="zk-sasl-md5"`) {
		t.Errorf("%d, %q", r.code, challenge)
	}
	if r := z.ask(2, 102, token(`username="bob",realm="zk-sasl-md5",nonce="guessed",response=0`)); r.code != -115 || !z.ended() {
		t.Errorf("a wrong answer: %d, and the connection goes on", r.code)
	}
}

// What a connection ends with arrives, also at a client that is still talking.
func TestZooKeeperLastAnswerArrives(t *testing.T) {
	w := run(t, vfs.NewMem(), func(c *config.Config) { small(c); c.MaxSessionRequests = 1 }) // what is behind the first is not read
	z := zkDial(t, w, wire.Hello{Timeout: 30_000})
	talk := wire.Packet{}.Int(-4).Int(100).Int(0).String("sasl").String("x").Frame()
	for xid := range int32(1500) {
		talk = append(talk, wire.Packet{}.Int(xid+1).Int(zkExists).String("/").Bool(false).Frame()...)
	}
	if _, err := z.Write(talk); err != nil { // at once: the server bears with a client that goes on for a second
		t.Fatal(err)
	}
	if r := z.receive(); r.xid != -4 || r.code != -115 {
		t.Fatalf("%d is answered with %d", r.xid, r.code)
	}
	if _, err := z.Receive(patience); !errors.Is(err, io.EOF) { // a reset is what would throw the answer away, where it has not come yet
		t.Errorf("the connection ends with %v", err)
	}
}
