// Package watch tells clients what happens to the tree.
//
//	store.Config.Published ──▶ Hub ──▶ table of watches ──▶ Watcher: deliver(Event), at once and in order
//	                            │
//	                            └────▶ history, a ring of changes ──▶ Cursor: reads it at its own pace
//
// A [Hub] hears of every version with its changes, before anybody can read it. A [Watcher] is one client's set of watches, with
// ZooKeeper's modes (reference: its watches): what it is told is told under the hub's lock, so that an event stands in the client's
// queue before any reply that shows its effect (see [Watcher.Read]). A [Cursor] follows one node, or a subtree, through
// the history: however slow its reader is, it costs no memory, and is told when what comes next has been forgotten.
//
// Nothing here has a goroutine or a clock. DESIGN.md says what a watch costs, and what is promised to whom.
package watch
