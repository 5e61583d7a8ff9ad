package zoocfg

import (
	"strconv"
	"strings"
	"time"

	"github.com/quorate/quorate/server/config"
)

// whole reads a number within bounds. What Java reads as a system property may be hexadecimal (0x, #) or octal (0), too.
func (z *reader) whole(e entry, low, high int64) (int64, bool) {
	n, err := strconv.ParseInt(e.value, 10, 64)
	if e.row.System {
		n, err = decode(e.value)
	}
	if err != nil {
		z.wrong(e.Place, "%q is no whole number", e.value)
		return 0, false
	}
	if n < low || n > high {
		z.wrong(e.Place, "%d is not %d to %d", n, low, high)
		return 0, false
	}
	return n, true
}

// decode reads a number as java.lang.Long.decode does.
func decode(s string) (int64, error) {
	digits := strings.TrimLeft(s, "+-")
	sign, base := s[:len(s)-len(digits)], 10
	if len(sign) > 1 {
		return 0, strconv.ErrSyntax
	}
	for _, prefix := range []string{"0x", "0X", "#"} {
		if rest, ok := strings.CutPrefix(digits, prefix); ok {
			digits, base = rest, 16
		}
	}
	if base == 10 && len(digits) > 1 && digits[0] == '0' {
		digits, base = digits[1:], 8
	}
	if strings.ContainsAny(digits, "+-_") {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseInt(sign+digits, base, 64)
}

// least reads a number that ZooKeeper takes from low on. What is below least, or above most, is lifted or lowered, and that is said.
func (z *reader) least(e entry, low, least, most int64) (int64, bool) {
	n, ok := z.whole(e, low, 1<<53)
	if !ok {
		return 0, false
	}
	if held := min(max(n, least), most); held != n {
		z.warn(e.Place, "it is %d, but %d to %d here: %d is used", n, least, most, held)
		return held, true
	}
	return n, true
}

// truth reads true or false.
func (z *reader) truth(e entry) bool {
	switch strings.ToLower(e.value) {
	case "true":
		return true
	case "false":
		return false
	}
	z.wrong(e.Place, "%q is neither true nor false", e.value)
	return false
}

// isTrue tells whether a key is given and true, and where it stands.
func (z *reader) isTrue(name string) (entry, bool) {
	e, ok := z.said[name]
	return e, ok && z.truth(e)
}

// milliseconds returns a number of them as a duration.
func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// maxMillis is as long as anything may last: beyond what any setting allows, and far from an overflow.
const maxMillis = 1 << 43

func (z *reader) number(e entry, low, high int64, flag string, to *int) {
	if n, ok := z.whole(e, low, high); ok {
		*to = int(n)
		z.set(e.Place, flag)
	}
}

func (z *reader) boolean(e entry, flag string, to *bool) {
	*to = z.truth(e)
	z.set(e.Place, flag)
}

func (z *reader) duration(e entry, flag string, to *time.Duration) {
	if n, ok := z.whole(e, 0, maxMillis); ok {
		*to = milliseconds(n)
		z.set(e.Place, flag)
	}
}

func (z *reader) maxClientCnxns(e entry) {
	z.number(e, 0, noBound, "max-connections-per-address", &z.Config.MaxPerAddress)
}

func (z *reader) maxCnxns(e entry) {
	z.number(e, 0, noBound, "max-connections", &z.Config.MaxConnections)
	if z.Config.MaxConnections == 0 {
		z.Config.MaxConnections = noBound
	}
}

func (z *reader) maxSnapshotSyncs(e entry) {
	z.number(e, 1, 1_000, "max-snapshot-syncs", &z.Config.MaxSnapshotSyncs)
}

func (z *reader) maxDiffSyncs(e entry) {
	z.number(e, 1, 1_000, "max-diff-syncs", &z.Config.MaxDiffSyncs)
}

func (z *reader) localSessions(e entry) {
	z.boolean(e, "local-sessions", &z.Config.LocalSessions)
}

func (z *reader) ttlNodes(e entry) { z.boolean(e, "ttl-nodes", &z.Config.TTLNodes) }

func (z *reader) enforceQuota(e entry) { z.boolean(e, "enforce-quota", &z.Config.EnforceQuota) }

func (z *reader) containerInterval(e entry) {
	z.duration(e, "container-interval", &z.Config.ContainerInterval)
}

func (z *reader) containerUnused(e entry) {
	z.duration(e, "container-unused", &z.Config.ContainerUnused)
}

func (z *reader) containerRate(e entry) {
	z.number(e, 1, 1_000_000, "container-rate", &z.Config.ContainerRate)
}

func (z *reader) snapCount(e entry) {
	if n, ok := z.least(e, 0, 1_000, 1<<40); ok {
		z.Config.SnapshotTxns = n
		z.set(e.Place, "snapshot-txns")
	}
}

// snapSize is off at 0 and below for ZooKeeper.
func (z *reader) snapSize(e entry) {
	n, ok := z.whole(e, -1<<40, 1<<40)
	switch {
	case !ok:
		return
	case n <= 0:
		n = 1 << 30
	default:
		n, _ = z.least(e, 0, 1<<10, 1<<30)
	}
	z.Config.SnapshotBytes = config.Size(n) << 10
	z.set(e.Place, "snapshot-bytes")
}

func (z *reader) snapRetain(e entry) {
	if n, ok := z.least(e, -1<<31, 3, 1_000); ok {
		z.Config.SnapshotRetain = int(n)
		z.set(e.Place, "snapshot-retain")
	}
}

// superDigest is user:hash; ZooKeeper's user is always super.
func (z *reader) superDigest(e entry) {
	z.Config.SuperDigest = e.value
	z.set(e.Place, "super-digest")
}

// authProvider is a class of ZooKeeper's, or somebody's own.
func (z *reader) authProvider(e entry) {
	class := e.value[strings.LastIndexByte(e.value, '.')+1:]
	switch class {
	case "", "DigestAuthenticationProvider", "IPAuthenticationProvider":
	case "SASLAuthenticationProvider":
		if !z.given("sasl-users-file") {
			z.wrong(e.Place, "SASL needs to be told of its users here: give --sasl-users-file for DIGEST-MD5, or remove it")
		}
	case "X509AuthenticationProvider":
		z.wrong(e.Place, "who comes by TLS is the subject of its certificate without it (--tls-client-ca-file): remove it")
	default:
		z.wrong(e.Place, "a scheme %s is not there: remove it", class)
	}
}
