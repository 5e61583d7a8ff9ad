package local

import "syscall"

// attributes keeps the terminal's Ctrl-C from the servers, which are told to stop in order, and ends
// them with this process.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
