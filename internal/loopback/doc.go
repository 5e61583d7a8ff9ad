// Package loopback chooses the addresses of servers that tests run, also tests of several packages at once.
package loopback
