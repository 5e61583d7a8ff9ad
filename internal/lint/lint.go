package lint

import (
	"cmp"
	"fmt"
	"slices"
)

// Finding is a place where a rule is broken.
type Finding struct {
	// Path of the file, relative to the module's root.
	Path string
	// Line in it, from 1; 0 if the finding is about the file or folder as a whole.
	Line int
	// Rule is the name of the rule.
	Rule string
	// Text says what is wrong and what to do.
	Text string
}

// String gives the finding as "file:line: rule: what is wrong".
func (f Finding) String() string {
	if f.Line == 0 {
		return fmt.Sprintf("%s: %s: %s", f.Path, f.Rule, f.Text)
	}
	return fmt.Sprintf("%s:%d: %s: %s", f.Path, f.Line, f.Rule, f.Text)
}

// Rule is one rule of the house.
type Rule struct {
	// Name is one word, to be found in every finding.
	Name string
	// Check returns what breaks the rule, in no particular order.
	Check func(*Tree) []Finding
}

// Rules returns all the rules.
func Rules() []Rule {
	return []Rule{
		{"layers", checkLayers},
		{"grpc", checkGRPC},
		{"zap", checkZap},
		{"quiet", checkQuiet},
		{"pure", checkPure},
		{"documented", checkDocumented},
		{"package", checkPackageDocs},
		{"function", checkFunctions},
		{"file", checkFiles},
		{"init", checkInit},
		{"state", checkState},
		{"mutex", checkMutexes},
		{"goroutines", checkGoroutines},
		{"constructor", checkConstructors},
		{"sleep", checkSleeps},
		{"todo", checkTodos},
		{"design", checkDesigns},
	}
}

// Check runs every rule and returns the findings by file and line.
func Check(t *Tree) []Finding {
	var all []Finding
	for _, r := range Rules() {
		for _, f := range r.Check(t) {
			f.Rule = r.Name
			all = append(all, f)
		}
	}
	slices.SortFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Text, b.Text))
	})
	return all
}
