//go:build unix

package source

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// own gives a file the owner of another. Only root can; others own what they made,
// which is all that they could have.
func own(file *os.File, like fs.FileInfo) error {
	was, ok := like.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	is, err := file.Stat()
	if err != nil {
		return err
	}
	if now, ok := is.Sys().(*syscall.Stat_t); ok && now.Uid == was.Uid && now.Gid == was.Gid {
		return nil
	}
	if err := file.Chown(int(was.Uid), int(was.Gid)); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}
