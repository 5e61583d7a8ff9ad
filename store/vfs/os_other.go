//go:build !linux

package vfs

import "os"

// datasync makes the content of f durable; on darwin Sync is F_FULLFSYNC.
func datasync(f *os.File) error { return f.Sync() }
