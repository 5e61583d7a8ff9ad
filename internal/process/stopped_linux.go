package process

import (
	"errors"

	"golang.org/x/sys/unix"
)

// awaitStopped returns when all threads of a child have stopped after SIGSTOP: until then some run on, on other processors. It takes
// nothing from who waits for the child's end.
func awaitStopped(pid int) error {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
