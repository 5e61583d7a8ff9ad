//go:build !linux

package process

import "syscall"

// DieWithParent does nothing here: Linux alone can.
func DieWithParent() *syscall.SysProcAttr { return nil }
