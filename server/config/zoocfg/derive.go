package zoocfg

import (
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/server/config/source"
)

// asWhole is a file as a place.
func asWhole(file string) source.Place { return source.Place{File: file} }

// ownFolder is where Quorate's data is if ZooKeeper's is in the data directory.
const ownFolder = "quorate"

// directory decides where the data is. ZooKeeper's is neither read nor touched.
func (z *reader) directory() {
	e, ok := z.said["dataDir"]
	switch {
	case z.given("data-dir"):
		z.logDirectory("")
		return
	case !ok || e.value == "":
		z.wrong(asWhole(z.in.File), "dataDir is not set: set it, or give --data-dir")
		return
	}
	z.Config.DataDir = e.value
	z.set(e.Place, "data-dir")
	below, theirs := filepath.Join(e.value, ownFolder), filepath.Join(e.value, "version-2")
	switch has := func(dir string) bool { return z.in.Exists(filepath.Join(dir, "identity")) }; {
	case has(e.value):
	case has(below):
		z.Config.DataDir = below
	case z.in.Exists(theirs):
		z.Config.DataDir = below
		z.warn(e.Place, "ZooKeeper's data in %s is not taken over, and not touched: Quorate begins with an empty tree, its own data in %s", theirs, below)
	}
	z.logDirectory(z.Config.DataDir)
}

// logDirectory says that there is none of its own.
func (z *reader) logDirectory(dir string) {
	e, ok := z.said["dataLogDir"]
	if !ok || e.value == "" || e.value == z.said["dataDir"].value {
		return
	}
	if dir == "" {
		dir = z.in.Given["data-dir"]
	}
	z.warn(e.Place, "nothing is stored in %s: log and snapshots are in one directory, %s", e.value, dir)
}

// purge says once that what is old goes by itself.
func (z *reader) purge() {
	const kept = "the newest %d snapshots are kept, and the log that they need"
	e, ok := z.said["autopurge.purgeInterval"]
	switch {
	case !ok:
		z.note(asWhole(z.in.File), "autopurge is off, but what is old is removed here: "+kept, z.Config.SnapshotRetain)
	case e.value == "0":
		z.note(e.Place, "it is off, but what is old is removed here: "+kept, z.Config.SnapshotRetain)
	default:
		z.note(e.Place, "it has no counterpart: %s", e.row.Why)
	}
}

// The least and most of what is counted in ticks.
const (
	minTicks = 2
	maxTicks = 1 << 20
)

// timing makes ticks durations.
func (z *reader) timing() {
	c := &z.Config
	c.Tick = 3 * time.Second
	at, ok := z.said["tickTime"]
	if ok {
		if n, good := z.whole(at, 1, 1<<20); good {
			c.Tick = milliseconds(n)
		}
		z.set(at.Place, "tick", "min-session-timeout", "max-session-timeout")
	}
	c.InitLimit = z.ticks("initLimit", "init-limit", 10)
	c.SyncLimit = z.ticks("syncLimit", "sync-limit", 5)
	c.StallLimit = max(c.StallLimit, minTicks*c.Tick)
	c.MinSessionTimeout, c.MaxSessionTimeout = 2*c.Tick, 20*c.Tick
	z.timeout("minSessionTimeout", "min-session-timeout", &c.MinSessionTimeout)
	z.timeout("maxSessionTimeout", "max-session-timeout", &c.MaxSessionTimeout)
}

// ticks reads a number of ticks. ZooKeeper takes a limit of one; a single late ping would reach it.
func (z *reader) ticks(name, flag string, usual int64) time.Duration {
	e, ok := z.said[name]
	n := usual
	if ok {
		if given, good := z.least(e, 0, minTicks, maxTicks); good {
			n = given
		}
		z.set(e.Place, flag)
	} else if len(z.Config.Peers) > 0 {
		z.note(asWhole(z.in.File), "%s is not set: it is %d ticks", name, usual)
	}
	return time.Duration(n) * z.Config.Tick
}

// timeout reads milliseconds, of which -1 leaves it to ticks.
func (z *reader) timeout(name, flag string, to *time.Duration) {
	e, ok := z.said[name]
	if !ok || e.value == "-1" {
		return
	}
	if n, good := z.least(e, 0, 10, (24 * time.Hour).Milliseconds()); good {
		*to = milliseconds(n)
		z.set(e.Place, flag)
	}
}

// clients takes up read-only mode.
func (z *reader) clients() {
	if e, ok := z.said["readonlymode.enabled"]; ok {
		z.boolean(e, "read-only-mode", &z.Config.ReadOnlyMode)
	}
}

// words are those of the white list, and those that ZooKeeper's own scripts need.
func (z *reader) words() {
	var words config.Words
	e, ok := z.said["4lw.commands.whitelist"]
	if ok {
		_ = words.Set(e.value) // it takes anything
		words = slices.DeleteFunc(words, func(w string) bool {
			known := config.IsWord(w)
			if !known {
				z.warn(e.Place, "%q is no word, and is passed over", w)
			}
			return !known
		})
		z.set(e.Place, "words")
	}
	if words.Has(config.AllWords) {
		words = config.Words{config.AllWords}
	}
	need := []string{"srvr"}
	if z.Config.ReadOnlyMode {
		need = append(need, "isro")
	}
	for _, w := range need {
		if !words.Has(w) {
			words = append(words, w)
		}
	}
	z.Config.Words = words
}

// packet takes up jute.maxbuffer. Who raises it wants to store more in a node, so that values, transactions and segments of the
// log grow with it.
func (z *reader) packet() {
	e, ok := z.said["jute.maxbuffer"]
	if !ok {
		return
	}
	n, ok := z.least(e, 0, 1<<10, 128<<20)
	if !ok {
		return
	}
	c := &z.Config
	c.MaxPacket = config.Size(n)
	z.set(e.Place, "max-packet", "max-value", "max-request")
	c.MaxValue = min(max(c.MaxValue, c.MaxPacket), 64<<20)
	c.MaxRequest = min(max(c.MaxRequest, c.MaxPacket+config.Overhead), 128<<20)
}

// segment takes up the size of a file of the log, which has room for the greatest transaction.
func (z *reader) segment() {
	c := &z.Config
	least := int64(c.MaxRequest + config.Overhead)
	if e, ok := z.said["txnLogSizeLimitInKb"]; ok && !strings.HasPrefix(e.value, "-") {
		if n, good := z.least(e, 0, (least+1023)>>10, 1<<20); good {
			c.SegmentSize = config.Size(n) << 10
			z.set(e.Place, "segment-size")
		}
	}
	c.SegmentSize = max(c.SegmentSize, config.Size(least))
}

// admin takes up the HTTP commands: on if the file says so, or where they are.
func (z *reader) admin() {
	if e, ok := z.said["admin.commandURL"]; ok {
		z.Config.AdminPath = e.value
		z.set(e.Place, "admin-path")
	}
	enabled, told := z.said["admin.enableServer"]
	on := told && z.truth(enabled)
	at, host, port := enabled, "0.0.0.0", "8080"
	if e, ok := z.said["admin.serverAddress"]; ok && e.value != "" {
		at, host, on = e, strings.Trim(e.value, "[]"), on || !told
	}
	if e, ok := z.said["admin.serverPort"]; ok {
		if _, good := z.whole(e, 0, 65_535); !good {
			return
		}
		at, port, on = e, e.value, on || !told
	}
	switch {
	case on:
		z.Config.AdminAddr = net.JoinHostPort(host, port)
		z.set(at.Place, "admin-addr")
	case !told && !z.given("admin-addr"):
		z.note(asWhole(z.in.File), "the HTTP commands, which ZooKeeper up to 3.9 serves on port 8080, are off: admin.enableServer=true, or --admin-addr, has them served")
	}
}

// metrics takes up Prometheus.
func (z *reader) metrics() {
	class, ok := z.said["metricsProvider.className"]
	if !ok || strings.HasSuffix(class.value, ".DefaultMetricsProvider") || strings.HasSuffix(class.value, ".NullMetricsProvider") {
		return
	}
	if !strings.HasSuffix(class.value, ".PrometheusMetricsProvider") {
		z.warn(class.Place, "there are metrics for Prometheus only: set --metrics-addr")
		return
	}
	host, port := "0.0.0.0", int64(7000)
	if e, ok := z.said["metricsProvider.httpHost"]; ok && e.value != "" {
		host = strings.Trim(e.value, "[]")
	}
	if e, ok := z.said["metricsProvider.httpPort"]; ok {
		if port, ok = z.whole(e, 0, 65_535); !ok {
			return
		}
	}
	z.Config.MetricsAddr = net.JoinHostPort(host, strconv.FormatInt(port, 10))
	z.set(class.Place, "metrics-addr")
}
