// Package version tells which build of the program this is.
//
// `make build` stamps the binary with what git describes; a plain `go build` or
// `go install` falls back on what the Go command recorded in the binary.
package version
