// Package vfs is the one door to the disk: the few operations the store needs,
// behind two interfaces with two implementations, the operating system ([OS]) and
// memory with crash clones ([Mem]), and a wrapper that injects errors ([Faults]).
//
// What is durable, and when, is the contract all of them keep and the store is
// written against:
//
//   - The content and the size of a file are durable after File.Sync has returned
//     nil. Before that, each 512-byte sector written since the last Sync is kept
//     or lost on its own; within a sector a write is all or nothing.
//   - Creating, removing and renaming are durable after SyncDir of the directory
//     has returned nil. Of the operations not yet synced a power cut keeps those
//     up to some point in their order and loses the rest.
//   - File.Sync says nothing about the file's name, SyncDir nothing about any
//     file's content.
//   - After a failed Sync nothing is known about what was written since the last
//     one that succeeded, and calling it again proves nothing: the system may
//     have dropped the pages and forgotten that they were dirty.
//   - Rename replaces an existing target in one step.
//
// Names are slash-separated paths as [path/filepath] takes them. All methods of FS
// and File are safe for use by several goroutines at once; a ReadAt beside a
// WriteAt of the same bytes may see some of each.
package vfs
