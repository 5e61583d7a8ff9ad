package process

import "syscall"

// DieWithParent makes a process end when the one that started it does, even by SIGKILL.
func DieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
