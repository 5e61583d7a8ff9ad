package tree

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/quorate/quorate/store/fault"
)

// A quota on /a/b is the node /zookeeper/quota/a/b/zookeeper_limits; what is used
// of it can be read at zookeeper_stats beside it. A node counts for the quota with
// the longest path that it is within, and for that one alone; /zookeeper counts for none.
//
// Usage is no content of the tree but follows from it: it is neither replicated
// nor part of a snapshot, and zookeeper_stats gets its text when it is read.

// The names of the nodes that hold a quota.
const (
	limitsName = "/zookeeper_limits"
	usageName  = "/zookeeper_stats"
)

// quota is a quota and what is used of it.
type quota struct {
	limits limits
	nodes  int64
	bytes  int64
}

// limits are the bounds of a quota, -1 where there is none. Going beyond a soft one
// is noted, going beyond a hard one is refused (if the server says so).
type limits struct{ softNodes, softBytes, hardNodes, hardBytes int64 }

// parseLimits reads "count=N,bytes=M=;byteHardLimit=X;countHardLimit=Y", the form
// of ZooKeeper's setquota (the second = is there to be stumbled over by servers
// before 3.7). Unknown keys are passed over, and what is no number is no bound.
func parseLimits(text string) limits {
	l := limits{-1, -1, -1, -1}
	for pair := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ';' }) {
		key, value, _ := strings.Cut(pair, "=")
		value, _, _ = strings.Cut(value, "=")
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 0 {
			n = -1
		}
		switch key {
		case "count":
			l.softNodes = n
		case "bytes":
			l.softBytes = n
		case "countHardLimit":
			l.hardNodes = n
		case "byteHardLimit":
			l.hardBytes = n
		}
	}
	return l
}

// quotaTarget returns the path that a limits node is about.
func quotaTarget(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, quotaPath)
	if !ok {
		return "", false
	}
	target, ok := strings.CutSuffix(rest, limitsName)
	if !ok || target != "" && target[0] != '/' {
		return "", false
	}
	if target == "" {
		target = rootPath
	}
	return target, !within(systemPath, target)
}

// isUsage tells whether path is a node whose data is the usage of a quota.
func isUsage(path string) bool {
	return strings.HasPrefix(path, quotaPath) && strings.HasSuffix(path, usageName)
}

// withUsage returns the usage node it with the current usage as its data; unchanged
// if there is no quota beside it.
func (s *state) withUsage(it item) item {
	r := decode(it.block)
	target, ok := quotaTarget(strings.TrimSuffix(r.path, usageName) + limitsName)
	if !ok {
		return it
	}
	q, ok := s.quotas.Get(target)
	if !ok {
		return it
	}
	r.data, r.hasData = fmt.Sprintf("count=%d,bytes=%d", q.nodes, q.bytes), true
	it.block = r.encode()
	return it
}

// quotaOf returns the path of the quota for which path counts, and the quota.
func (s *state) quotaOf(path string) (string, quota, bool) {
	if s.quotas.Len() == 0 || within(systemPath, path) {
		return "", quota{}, false
	}
	for {
		if q, ok := s.quotas.Get(path); ok {
			return path, q, true
		}
		if path == rootPath {
			return "", quota{}, false
		}
		path = Parent(path)
	}
}

// checkQuota refuses a change that adds nodes and bytes at path if it would go
// beyond a hard quota. A change that only shrinks is never refused.
func (s *state) checkQuota(path string, nodes, bytes int64, lim Limits) error {
	if !lim.EnforceQuota {
		return nil
	}
	at, q, ok := s.quotaOf(path)
	switch {
	case !ok:
		return nil
	case nodes > 0 && q.limits.hardNodes >= 0 && q.nodes+nodes > q.limits.hardNodes:
		return fault.New(fault.QuotaExceeded, at, "the quota is %d nodes, all in use", q.limits.hardNodes)
	case bytes > 0 && q.limits.hardBytes >= 0 && q.bytes+bytes > q.limits.hardBytes:
		return fault.New(fault.QuotaExceeded, at, "the quota is %d bytes, %d in use, %d more asked for", q.limits.hardBytes, q.bytes, bytes)
	}
	return nil
}

// charge counts a change at path for its quota.
func (d *Draft) charge(path string, nodes, bytes int64, out *Outcome) {
	at, q, ok := d.quotaOf(path)
	if !ok {
		return
	}
	q.nodes += nodes
	q.bytes += bytes
	d.ownQuotas()
	d.quotas.Set(at, q)
	over := q.limits.softNodes >= 0 && q.nodes > q.limits.softNodes && nodes > 0 ||
		q.limits.softBytes >= 0 && q.bytes > q.limits.softBytes && bytes > 0
	if over && out != nil {
		out.SoftQuota = append(out.SoftQuota, strings.Clone(at))
	}
}

// limitsChanged follows a change of the node at path if that is a limits node: text
// is its data now, exists whether it exists now.
func (d *Draft) limitsChanged(path, text string, exists bool) {
	target, ok := quotaTarget(path)
	if !ok {
		return
	}
	d.ownQuotas()
	q, had := d.quotas.Get(target)
	switch {
	case !exists && had:
		d.quotas.Delete(target)
		d.shiftUsage(target, q.nodes, q.bytes)
	case exists && had:
		q.limits = parseLimits(text)
		d.quotas.Set(target, q)
	case exists:
		q = d.usageBelow(target)
		q.limits = parseLimits(text)
		d.shiftUsage(target, -q.nodes, -q.bytes)
		d.quotas.Set(strings.Clone(target), q)
	}
}

// shiftUsage adds to the quota, if any, for which target counts when it has none of its own.
func (d *Draft) shiftUsage(target string, nodes, bytes int64) {
	if at, q, ok := d.quotaOf(target); ok {
		q.nodes += nodes
		q.bytes += bytes
		d.quotas.Set(at, q)
	}
}

// usageBelow scans what is at target and below it, less what counts for quotas
// further below: their sum, since each counts what those below it do not.
func (d *Draft) usageBelow(target string) (q quota) {
	if n, ok := d.Get(target); ok {
		q.count(n)
	}
	for n := range d.Descendants(target) {
		if !within(systemPath, n.Path()) {
			q.count(n)
		}
	}
	d.quotas.Scan(func(path string, nested quota) bool {
		if path != target && within(target, path) {
			q.nodes -= nested.nodes
			q.bytes -= nested.bytes
		}
		return true
	})
	return q
}

func (q *quota) count(n Node) {
	r := decode(n.it.block)
	q.nodes++
	q.bytes += int64(len(r.data))
}
