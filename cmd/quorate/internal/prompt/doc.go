// Package prompt reads command lines from somebody at a terminal: with line editing, completion, and a history that
// outlives the program. The editing is that of golang.org/x/term, which can print what happens meanwhile above
// the line that is being typed.
package prompt
