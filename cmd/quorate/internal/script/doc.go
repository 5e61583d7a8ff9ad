// Package script reads the operations of a Multi, one a line.
package script
