//go:build unix

package actions_test

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/report/actions"
)

func TestOwnGivesOnlyWhatIsOpen(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root may give files away; run as root")
	}
	workspace := t.TempDir()
	made := filepath.Join(workspace, "made")
	foreign := filepath.Join(made, "foreign")
	if err := os.Mkdir(made, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(foreign, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(workspace, 1001, 1002); err != nil {
		t.Fatal(err)
	}
	dir, err := os.Open(made)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	getenv := func(name string) string { return map[string]string{"GITHUB_WORKSPACE": workspace}[name] }
	actions.New(getenv, actions.NewLog(io.Discard)).Own(dir)
	for name, want := range map[string]uint32{made: 1001, foreign: 0} {
		info, err := os.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		if uid := info.Sys().(*syscall.Stat_t).Uid; uid != want {
			t.Errorf("%s belongs to %d, want %d", filepath.Base(name), uid, want)
		}
	}
}
