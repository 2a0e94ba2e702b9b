package actions

import "golang.org/x/sys/unix"

// enlarge asks for a pipe of want bytes and returns what it holds.
func enlarge(fd, want int) int {
	if n, err := unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, want); err == nil {
		return n
	}
	if n, err := unix.FcntlInt(uintptr(fd), unix.F_GETPIPE_SZ, 0); err == nil {
		return n
	}
	return want
}
