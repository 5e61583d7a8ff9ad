// Package zaplog is the log of a server: zap, as JSON or for the eye, with a
// level that changes while the server runs.
//
// The rest of the server logs nothing. It emits typed events, and this package
// has a listener for each: what a line is called, how severe it is and which
// fields it has is decided here alone. Payloads are never logged.
//
// Levels: error is a fault of this server or its disk; warn is what an operator
// should look at before it becomes one; info is what happens a few times a day;
// debug is everything else, finished calls among it.
package zaplog
