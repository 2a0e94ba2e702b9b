package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// reporting is a runner whose reports go to dir in a workspace.
func reporting(at, dir string) *runner {
	env := &environment{getenv: func(string) string { return "" }, stderr: &bytes.Buffer{}}
	cfg := &config.Config{ReportDir: filepath.Join(at, dir), Reports: []string{"json", "markdown", "text"}}
	return &runner{env: env, cfg: cfg, space: workspace{at, "."}, ignored: true}
}

func lay(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func link(t *testing.T, to, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}

// A change may hold links of the names that reports have.
func TestReportsAreNotWrittenThroughLinks(t *testing.T) {
	t.Parallel()
	names := []string{".gitignore", "report.json", "summary.md", "report.txt", "provenance.json", "lines.json"}
	for _, suffix := range []string{"", ".part"} {
		workspace, outside := t.TempDir(), t.TempDir()
		for _, name := range names {
			target := lay(t, filepath.Join(outside, name+suffix), "before")
			if name == "lines.json" {
				target = filepath.Join(outside, "absent") // nothing may come to be there
			}
			link(t, target, filepath.Join(workspace, "out", name+suffix))
		}
		r := reporting(workspace, "out")
		defer r.close()
		var result verdict.Result
		from := lay(t, filepath.Join(t.TempDir(), "sidecar"), "{}")
		for _, name := range []string{"provenance.json", "lines.json"} {
			if kept := r.keep(&result, from, name); kept != "out/"+name {
				t.Errorf("%s is kept as %q: %q", name, kept, result.Notes)
			}
		}
		for range 2 {
			if err := r.writeReports(result); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range names {
			if data, err := os.ReadFile(filepath.Join(outside, name+suffix)); err != nil || string(data) != "before" {
				t.Errorf("%s%s was written through: %q, %v", name, suffix, data, err)
			}
			info, err := os.Lstat(filepath.Join(workspace, "out", name))
			if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
				t.Errorf("%s is %v, %v", name, info, err)
			}
		}
		if left, _ := filepath.Glob(filepath.Join(workspace, "out", "*.part")); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
		if _, err := os.Lstat(filepath.Join(outside, "absent")); err == nil {
			t.Error("a link to nothing was followed")
		}
	}
}

func TestReportDirectoryIsNoLink(t *testing.T) {
	t.Parallel()
	workspace, outside := t.TempDir(), t.TempDir()
	inside := filepath.Join(workspace, "real")
	lay(t, filepath.Join(inside, "deep", "file"), "")
	link(t, outside, filepath.Join(workspace, "away"))
	link(t, inside, filepath.Join(workspace, "within"))
	link(t, "real", filepath.Join(workspace, "relative"))
	link(t, filepath.Join(outside, "absent"), filepath.Join(workspace, "dangling"))
	link(t, workspace, filepath.Join(outside, "last"))
	for dir, say := range map[string]string{
		"away": "away is a symbolic link", "away/deep": "away is a symbolic link", "within/deep": "within is a symbolic link",
		"relative": "relative is a symbolic link", "dangling": "dangling is a symbolic link", "dangling/deep": "dangling is a symbolic link",
		"real/deep/file": "file is no directory", "real/deep/file/x": "file is no directory",
	} {
		checkRefusal(t, reporting(workspace, dir), say)
	}
	// Outside of the workspace people may come through links, and do not end at one.
	r := reporting(workspace, "")
	r.cfg.ReportDir = filepath.Join(outside, "last")
	checkRefusal(t, r, "last is a symbolic link")
	way := filepath.Join(t.TempDir(), "way")
	link(t, outside, way)
	r = reporting(workspace, "")
	r.cfg.ReportDir = filepath.Join(way, "new", "reports")
	defer r.close()
	if err := errors.Join(r.prepareReports(), r.writeReports(verdict.Result{})); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(outside, "new", "reports", "report.json")); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir(outside)
	if err != nil || len(entries) != 2 {
		t.Errorf("outside lie %v, %v", entries, err)
	}
}

// checkRefusal asserts that a directory is refused before anything is done, and when
// it becomes such a one later.
func checkRefusal(t *testing.T, r *runner, say string) {
	t.Helper()
	defer r.close()
	for when, err := range map[string]error{"before": r.prepareReports(), "after": r.writeReports(verdict.Result{})} {
		misuse, ok := errors.AsType[*config.UsageError](err)
		if !ok || misuse.Where != "report-dir" || !strings.Contains(err.Error(), say) {
			t.Errorf("%s, %s: %v, want %q", r.cfg.ReportDir, when, err, say)
		}
	}
}

// Only what the run made is told of: somebody is given it.
func TestOnlyWhatWasMadeIsGivenAway(t *testing.T) {
	t.Parallel()
	workspace := t.TempDir()
	lay(t, filepath.Join(workspace, "there", "foreign"), "")
	lay(t, filepath.Join(workspace, "there", "report.json"), "")
	var made []string
	to, err := openFolder(filepath.Join(workspace, "there", "new", "deep"), []string{workspace}, func(f *os.File) { made = append(made, f.Name()) })
	if err != nil {
		t.Fatal(err)
	}
	defer to.root.Close()
	to2, err := openFolder(filepath.Join(workspace, "there"), []string{workspace}, func(f *os.File) { made = append(made, f.Name()) })
	if err != nil {
		t.Fatal(err)
	}
	defer to2.root.Close()
	if err := to2.write("report.json", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if len(made) != 3 {
		t.Errorf("made: %q", made)
	}
}
