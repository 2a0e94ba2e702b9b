package history_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest/history"
)

// scratch is a repository on disk with two commits, and a way to ask git.
func scratch(t *testing.T) (string, func(...string) string) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git: apt-get install git")
	}
	dir := t.TempDir()
	run := func(args ...string) string {
		t.Helper()
		args = append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"}, args...)
		out, err := exec.CommandContext(t.Context(), "git", args...).CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v\n%s", args, err, out)
		}
		return strings.TrimSuffix(string(out), "\n")
	}
	write := func(name, content string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run("init", "-q", "-b", "main")
	write("Dockerfile", strings.Repeat("RUN true\n", 20))
	write("a/gone", "x\n")
	if err := os.Symlink("Dockerfile", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	run("add", ".")
	run("commit", "-q", "-m", "one\n\ntwo lines")
	run("tag", "-a", "-m", "v1", "v1")
	write("Dockerfile", "FROM scratch\n"+strings.Repeat("RUN true\n", 20)+"USER 1")
	write("new", "y\n")
	run("rm", "-q", "a/gone")
	run("add", ".")
	run("commit", "-q", "-m", "two")
	return dir, run
}

func TestARepositoryOnDiskIsReadAsGitHasIt(t *testing.T) {
	dir, git := scratch(t)
	commits, refs, err := history.Read(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	one, two := git("rev-parse", "v1^{commit}"), git("rev-parse", "main")
	if diff := cmp.Diff(map[string]string{"refs/heads/main": two, "refs/tags/v1": one}, refs); diff != "" {
		t.Error(diff)
	}
	if len(commits) != 2 || commits[one].Message != "one\n\ntwo lines" || commits[one].Links["link"] != "Dockerfile" {
		t.Fatalf("%+v", commits[one])
	}
	if got, want := history.Blob(commits[two].Files["Dockerfile"]), git("rev-parse", "main:Dockerfile"); got != want {
		t.Errorf("blob %s, git says %s", got, want)
	}
	if got := commits.MergeBase(commits[one], commits[two]); got != commits[one] || len(commits.Without(commits[two], commits[one])) != 1 {
		t.Errorf("merge base %v", got)
	}
	var got []string
	for _, c := range history.Changes(commits[one], commits[two]) {
		got = append(got, c.Status+" "+c.Path)
		if _, want, _ := strings.Cut(git("diff", "v1", "main", "--", c.Path), "\n@@"); headless("@@"+want) != c.Patch {
			t.Errorf("%s:\n%s\ngit says\n%s", c.Path, c.Patch, "@@"+want)
		}
	}
	if diff := cmp.Diff([]string{"modified Dockerfile", "removed a/gone", "added new"}, got); diff != "" {
		t.Error(diff)
	}
}

// headless drops what git writes behind a hunk's second @@.
func headless(patch string) string {
	lines := strings.Split(patch, "\n")
	for i, line := range lines {
		if head, _, ok := strings.Cut(strings.TrimPrefix(line, "@@"), " @@"); ok && strings.HasPrefix(line, "@@") {
			lines[i] = "@@" + head + " @@"
		}
	}
	return strings.Join(lines, "\n")
}

func TestHunksAreTheLinesThatADiffShows(t *testing.T) {
	got := history.Hunks("@@ -1,2 +1,3 @@\n a\n+b\n c\n@@ -9 +10 @@\n-d\n+e\n\\ No newline at end of file")
	left, right := func(n int) history.Place { return history.Place{Side: "LEFT", Line: n} }, func(n int) history.Place { return history.Place{Side: "RIGHT", Line: n} }
	want := map[history.Place]int{left(1): 1, left(2): 1, right(1): 1, right(2): 1, right(3): 1, left(9): 2, right(10): 2}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
