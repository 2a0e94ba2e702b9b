package compare_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/plimsoll-ci/plimsoll/internal/compare"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/all"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/revision"
)

// Every history in testdata is a change: base/ and head/ are committed to a
// repository with git, the base is unpacked from it, both are linted, and want
// says what the change introduced, what is fixed and what was refused.
func TestHistories(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed; install it and run: go test ./internal/compare")
	}
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			repository, base := t.TempDir(), filepath.Join(t.TempDir(), "base")
			git(t, repository, "init", "-q", "-b", "main")
			commit := committed(t, repository, archive, "base/")
			git(t, repository, "rm", "-q", "-r", ".")
			committed(t, repository, archive, "head/")
			if _, err := revision.FromGit(t.Context(), repository, commit, base, revision.Options{}); err != nil {
				t.Fatal(err)
			}
			now, before := linted(t, repository), linted(t, base)
			judged, refused := compare.Excuses(now, before)
			r := compare.Sources(judged, before)

			var got []string
			existing := 0
			for _, f := range slices.Concat(r.Findings, r.Fixed) {
				if f.Status == finding.Existing {
					existing++
				}
				line := f.Rule.ID + " " + f.Location.Path + " " + f.Status.String()
				if f.Suppressed != nil {
					line += " (" + f.Suppressed.Reason + ")"
				}
				got = append(got, line)
			}
			slices.Sort(got)
			got = append(got, refused...)
			want := strings.Split(strings.TrimSpace(content(archive, "want")), "\n")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(r.Fixed) != len(before)-existing {
				t.Errorf("%d fixed of %d, %d existing", len(r.Fixed), len(before), existing)
			}
		})
	}
}

func linted(t *testing.T, dir string) []finding.Finding {
	t.Helper()
	tree, err := source.Open(dir, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	report, err := lint.Run(t.Context(), all.Linters(), all.Across(), tree, lint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	// The histories are about these; more rules see more.
	ids := []string{"IMG-3.a", "IMG-4.a", "PRB-1.a", "RES-1.a", "SEC-1.a", "SUP-01", "SUP-02", "SUP-03", "SUP-04", "USR-1.a", "USR-3.a"}
	return slices.DeleteFunc(report.Findings, func(f finding.Finding) bool { return !slices.Contains(ids, f.Rule.ID) })
}

func committed(t *testing.T, dir string, archive *txtar.Archive, side string) string {
	t.Helper()
	for _, f := range archive.Files {
		name, ok := strings.CutPrefix(f.Name, side)
		if !ok {
			continue
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "--allow-empty", "-m", side)
	return git(t, dir, "rev-parse", "HEAD")
}

func content(archive *txtar.Archive, name string) string {
	for _, f := range archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}
