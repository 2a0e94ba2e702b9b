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
	// Below a Root, so that a link put in the way by what a build left running leads nowhere.
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return
	}
	defer func() { _ = root.Close() }()
	give := func(name string) (isDir bool) {
		info, err := root.Lstat(name)
		if err != nil {
			return false
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) == os.Geteuid() {
			_ = root.Lchown(name, int(owner.Uid), int(owner.Gid))
		}
		return info.IsDir()
	}
	base := filepath.Base(path)
	if !give(base) {
		return
	}
	_ = fs.WalkDir(root.FS(), base, func(name string, _ fs.DirEntry, err error) error {
		if err == nil {
			give(name)
		}
		return nil // what cannot be looked at stays as it is
	})
}
