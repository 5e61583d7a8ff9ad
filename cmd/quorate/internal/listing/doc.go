// Package listing reads the stream of a List to its end, with a bound on how long
// a server may be silent rather than on the whole.
package listing
