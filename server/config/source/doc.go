// Package source is what a file of settings turned out to say: the settings, the place of each, what the reader of the
// file has to be told, and what is wrong, with file and line.
package source
