package prompt

import (
	"fmt"
	"strings"
)

// maxShown is how many candidates are printed at the most.
const maxShown = 100

// typed is called for each key; it completes at a tab.
func (e *Editor) typed(line string, at int, key rune) (string, int, bool) {
	if key != '\t' {
		return "", 0, false
	}
	part, candidates := e.complete(line[:at])
	before, more := strings.TrimSuffix(line[:at], part), extend(part, candidates)
	if more == part && len(candidates) > 1 {
		_, _ = fmt.Fprintln(e.terminal, shown(candidates)) // where else to complain?
	}
	return before + more + line[at:], len(before + more), true
}

// extend returns the part with all that its candidates have in common; a single one that is complete, with a blank after it.
func extend(part string, candidates []string) string {
	if len(candidates) == 0 {
		return part
	}
	common := candidates[0]
	for _, c := range candidates[1:] {
		common = common[:shared(common, c)]
	}
	if len(candidates) == 1 && !strings.HasSuffix(common, "/") && !strings.HasSuffix(common, "=") {
		common += " "
	}
	if !strings.HasPrefix(common, part) {
		return part // half a rune
	}
	return common
}

// shared returns how many bytes two texts have in common at their beginning, whole runes.
func shared(a, b string) int {
	for i, r := range a {
		if !strings.HasPrefix(b[min(i, len(b)):], string(r)) {
			return i
		}
	}
	return len(a)
}

// shown lists candidates on a line or some: of paths the last name.
func shown(candidates []string) string {
	var names []string
	for _, c := range candidates[:min(len(candidates), maxShown)] {
		names = append(names, c[strings.LastIndex(strings.TrimSuffix(c, "/"), "/")+1:])
	}
	text := strings.Join(names, "  ")
	if n := len(candidates) - maxShown; n > 0 {
		text += fmt.Sprintf("  and %d more", n)
	}
	return text
}
