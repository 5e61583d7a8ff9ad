//go:build !linux

package process

import "syscall"

// dieWithParent does nothing here: Linux alone can.
func dieWithParent() *syscall.SysProcAttr { return nil }
