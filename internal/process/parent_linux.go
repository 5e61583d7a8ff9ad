package process

import "syscall"

// dieWithParent makes a process end when the one that started it does, even by SIGKILL.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
