// Package local runs an ensemble of real server processes on this machine, for trying things.
package local
