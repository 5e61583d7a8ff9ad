// Package transfer moves a directory of files into the tree and back.
//
// # How files and nodes correspond
//
//   - A file is a node with its content as data; an empty file has empty data.
//   - A directory is a node with null data; so an empty directory comes back as one.
//   - A node that has both children and data is a directory in which the file
//     [DataFile] holds the data.
//
// What is imported and exported again is thus the same, file by file. Not carried over:
// permissions and times of files; access control lists, lifetimes and versions of nodes.
//
// # Going on after an interruption
//
// Both directions look first at what is there, and write only what differs: running the
// same command again finishes the work. Nothing half-written is ever visible: a value is
// set at once, a file is renamed into place.
//
// # What is passed over
//
// What cannot be carried over (a value above the limit, a name no node or file can have, a symbolic link, something
// unreadable) is named as a [Skip], and the rest is done.
package transfer
