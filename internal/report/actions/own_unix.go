//go:build unix

package actions

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Own gives what this process made at path, and below it, to the owner of the
// workspace: as root's, the next job on the same machine could not remove it
// (actions/runner#434). What belongs to somebody else, and what lies behind a
// symbolic link, stays as it is. Not being allowed to is no error: then the process is
// not root and the files are the right user's already.
func (r *Runner) Own(path string) {
	workspace := r.getenv("GITHUB_WORKSPACE")
	if workspace == "" {
		return
	}
	info, err := os.Stat(workspace)
	if err != nil {
		return
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(owner.Uid) == os.Geteuid() {
		return
	}
	_ = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // what cannot be looked at stays as it is
		}
		info, err := entry.Info()
		if err != nil {
			return nil //nolint:nilerr // it is gone
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) == os.Geteuid() {
			_ = os.Lchown(name, int(owner.Uid), int(owner.Gid))
		}
		return nil
	})
}
