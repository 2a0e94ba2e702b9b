//go:build unix && !linux

package actions

// enlarge leaves a pipe as it is: 64 KiB at most elsewhere.
func enlarge(_, want int) int { return want }
