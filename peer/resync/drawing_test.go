package resync_test

import (
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quorate/quorate/internal/golden"
	"github.com/quorate/quorate/peer/resync"
	"github.com/quorate/quorate/store/txn"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden drawings")

// reign returns the zxids of the first n txns of an epoch.
func reign(e txn.Epoch, n uint32) zs {
	var h zs
	for c := range n {
		h = append(h, at(e, c+1))
	}
	return h
}

// TestDrawings draws the plans of telling cases. Run with -rewrite after a change,
// and read the diff.
func TestDrawings(t *testing.T) {
	one := reign(1, 3)
	two := slices.Concat(one, reign(2, 3))
	gone := slices.Concat(reign(1, 1), reign(3, 2)) // epoch 2 left nothing here
	var out strings.Builder
	out.WriteString("B base  F floor  · purged  ● record  x cut  + sent  S snapshot\n")
	for _, c := range []struct {
		title string
		w     world
	}{
		{"first start: nobody has anything", world{}},
		{"blank learner, the log reaches back to the beginning", world{leader: one}},
		{"blank learner, the beginning is purged", world{leader: two, base: at(1, 2), snapshot: at(2, 2)}},
		{"stopped for a moment", world{leader: two, base: at(1, 1), learner: one[:2], floor: at(1, 2)}},
		{"it ends where the log begins: the base counts as known", world{leader: two, base: at(1, 2), learner: one[:2], floor: at(1, 1)}},
		{"stopped for too long", world{leader: two, base: at(1, 3), snapshot: at(2, 2), learner: one[:2], floor: at(1, 1)}},
		{"it has everything", world{leader: two, base: at(1, 2), learner: two, floor: at(2, 1)}},
		{"late joiner with a tail that nobody else logged", world{leader: one, base: at(1, 1), learner: reign(1, 5), floor: at(1, 3)}},
		{"deposed leader with a tail of its own", world{leader: slices.Concat(one, reign(2, 2)), learner: reign(1, 5), floor: at(1, 2)}},
		{"the tail reaches across an epoch", world{leader: gone, learner: slices.Concat(reign(1, 2), reign(2, 2)), floor: at(1, 1)}},
		{"the cut may go down to the base", world{leader: gone, base: at(1, 1), snapshot: at(3, 1), learner: reign(1, 3), floor: at(1, 1)}},
		{"it asks: a mismatch, or another digest", world{leader: two, base: at(1, 1), snapshot: at(2, 1), learner: two[:5], floor: at(1, 3), ask: true}},
		{"guard: it has applied what the leader never had", world{leader: gone, snapshot: at(3, 1), learner: reign(1, 3), floor: at(1, 2)}},
		{"fork, against the rules: it refuses to cut after what it does not have", world{
			leader: slices.Concat(reign(1, 2), reign(2, 1)), learner: slices.Concat(reign(1, 1), reign(3, 1)), floor: at(1, 1),
		}},
	} {
		c.w.durable = true
		draw(&out, c.title, c.w)
	}
	golden.Check(t, *rewrite, filepath.Join("testdata", "plans.txt"), out.String())
}

func draw(out *strings.Builder, title string, w world) {
	p := resync.Decide(w.numbers())
	_, err := w.execute(p)
	columns := slices.Compact(slices.Sorted(slices.Values(slices.Concat(w.leader, w.learner))))
	line := func(head string, glyph func(txn.Zxid) string) {
		var b strings.Builder
		for _, z := range columns {
			fmt.Fprintf(&b, "%-5s", glyph(z))
		}
		fmt.Fprintln(out, strings.TrimRight(fmt.Sprintf("  %-9s %s", head, b.String()), " "))
	}
	fmt.Fprintf(out, "\n%s\n", title)
	line("", txn.Zxid.String)
	line("leader", func(z txn.Zxid) string { return pick(w.leader, z, z == w.base, "B", z < w.base, "·") })
	line("learner", func(z txn.Zxid) string { return pick(w.learner, z, z == w.floor, "F", false, "") })
	if err != nil {
		fmt.Fprintf(out, "  %v after %v, %v: %v\n", p.Kind, p.After, p.Reason, err)
		return
	}
	line("becomes", func(z txn.Zxid) string { return w.becomes(z, p) })
	fmt.Fprintf(out, "  %v after %v: %v\n", p.Kind, p.After, p.Reason)
}

// pick chooses what stands for z in a history's line.
func pick(h []txn.Zxid, z txn.Zxid, first bool, a string, second bool, b string) string {
	switch {
	case !slices.Contains(h, z):
		return ""
	case first:
		return a
	case second:
		return b
	default:
		return "●"
	}
}

// becomes is what happens to z in the learner's history.
func (w world) becomes(z txn.Zxid, p resync.Plan) string {
	ours, theirs := slices.Contains(w.leader, z), slices.Contains(w.learner, z)
	switch {
	case p.Kind == resync.Snap && z == p.After:
		return "S"
	case ours && z > p.After:
		return "+"
	case theirs && (z > p.After || !ours):
		return "x"
	case theirs && p.Kind != resync.Snap:
		return "●"
	default:
		return ""
	}
}
