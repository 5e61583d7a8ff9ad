// Package lint holds the rules of the house as code; its tests run them over the
// whole module, so that `go test ./...` enforces them.
//
// Each rule is a function from a parsed [Tree] to [Finding]s. It reads syntax, not
// types: that takes well under a second, and works while a package does not
// compile. A rule that is too narrow for an honest case is changed here, in a
// table that names the case and its reason; there is no way to switch a rule off
// from the code it judges.
//
// Generated code (gen/), other modules (a folder with its own go.mod), testdata
// and folders whose name begins with "." or "_" are passed over.
package lint
