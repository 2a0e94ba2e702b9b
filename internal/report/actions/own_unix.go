//go:build unix

package actions

import (
	"os"
	"syscall"
)

// Own gives a file or directory that this process made, and has open, to the owner of
// the workspace: as root's, the next job on the same machine could not remove it
// (actions/runner#434). What lies in a directory stays as it is. Nothing is looked up by
// its name again, so that neither a link nor what somebody else put in its place is
// given away. Not being allowed to is no error: then the process is not root and the
// files are the right user's already.
func (r *Runner) Own(made *os.File) {
	workspace := r.getenv("GITHUB_WORKSPACE")
	if workspace == "" {
		return
	}
	info, err := os.Stat(workspace)
	if err != nil {
		return
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Geteuid() {
		_ = made.Chown(int(owner.Uid), int(owner.Gid))
	}
}
