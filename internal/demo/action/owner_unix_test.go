//go:build unix

package action

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/report/actions/runnertest"
)

// What the action leaves in the workspace belongs to whoever owns it, and files of
// another user are read without trouble.
func TestWorkspaceOfAnotherUser(t *testing.T) {
	t.Parallel()
	d := needDock(t)
	s := d.run(t, small(), runnertest.Options{Start: runnertest.Docker{Image: d.full, Socket: runnertest.RealSocket, Owner: 1001}})
	s.exits(0)
	var seen int
	check(t, filepath.WalkDir(s.Workspace, func(path string, entry fs.DirEntry, err error) error {
		check(t, err)
		info, err := os.Lstat(path)
		check(t, err)
		seen++
		if of := info.Sys().(*syscall.Stat_t); of.Uid != 1001 || of.Gid != 1001 { //nolint:forcetypeassert // on Linux
			t.Errorf("%s belongs to %d:%d", path, of.Uid, of.Gid)
		}
		return nil
	}))
	if seen < 5 {
		t.Errorf("only %d files in the workspace", seen)
	}
	if strings.Contains(s.Text(), "dubious") {
		t.Error(s.Text())
	}
}
