// Package golden compares what a test drew or traced with a file that people have
// read. A change of behaviour then is a diff of that file, and the reviewer reads it.
package golden
