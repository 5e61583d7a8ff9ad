// Package render prints what servers answer, as text for people or JSON for programs.
//
// In JSON every zxid is a string "epoch.counter", since JSON numbers end at 2^53,
// and data is a string "data" if it is UTF-8, else base64 in "data_base64"; null
// data is null. A command prints one JSON value; those that list many nodes print
// one object a line.
package render
