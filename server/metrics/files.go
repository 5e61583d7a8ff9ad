package metrics

import (
	"os"
	"syscall"
)

// openFiles returns how many files and connections this process has open; -1 if the system does not tell.
func openFiles() float64 {
	d, err := os.Open("/proc/self/fd")
	if err != nil {
		return -1
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return -1
	}
	return float64(len(names) - 1) // d is one of them
}

// maxFiles returns how many it may have; -1 if the system does not tell.
func maxFiles() float64 {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return -1
	}
	return float64(limit.Cur)
}
