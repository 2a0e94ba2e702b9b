//go:build unix

package cli_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest"
)

// The workspace belongs to the runner's user: what we make in it, as root, must too,
// and nothing else may.
func TestReportsBelongToTheRunner(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root may give files away; run as root")
	}
	w := newWorld(t, githubtest.Options{}, writing)
	w.open(files{"deploy/web.yaml": oldDeployment}, files{"README": "two\n"})
	for dir, made := range map[string][]string{
		"plimsoll-report": {"plimsoll-report", "plimsoll-report/report.json", "plimsoll-report/.gitignore"},
		"there/new/deep":  {"there/new", "there/new/deep", "there/new/deep/summary.md"},
		"there":           {"there/report.txt"},
		".":               {"report.json"},
	} {
		o := w.options(run{gate: true, with: map[string]string{"report-dir": dir}})
		if dir == "plimsoll-report" {
			delete(o.With, "report-dir")
		}
		foreign := []string{"there", "there/foreign", ".git"}
		check(t, os.Mkdir(filepath.Join(o.Workspace, "there"), 0o755))
		check(t, os.WriteFile(filepath.Join(o.Workspace, "there", "foreign"), nil, 0o600))
		check(t, os.Chown(o.Workspace, 1001, 1002))
		o.Env["GIT_CONFIG_COUNT"], o.Env["GIT_CONFIG_KEY_0"], o.Env["GIT_CONFIG_VALUE_0"] = "1", "safe.directory", "*"
		w.start(o).is(0, "verdict=pass")
		for i, name := range append(made, foreign...) {
			info, err := os.Lstat(filepath.Join(o.Workspace, name))
			if err != nil {
				t.Error(err)
				continue
			}
			want := uint32(1001)
			if i >= len(made) {
				want = 0
			}
			if uid := info.Sys().(*syscall.Stat_t).Uid; uid != want {
				t.Errorf("report-dir %s: %s belongs to %d, want %d", dir, name, uid, want)
			}
		}
	}
}
