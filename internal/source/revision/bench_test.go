package revision_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/source/revision"
)

// BenchmarkFromGit unpacks 2,000 packed files of 4 KB.
func BenchmarkFromGit(b *testing.B) {
	if _, err := exec.LookPath("git"); err != nil {
		b.Skip("git is not installed; install it and run: go test -bench . ./internal/source/revision")
	}
	dir := b.TempDir()
	git := func(args ...string) string {
		cmd := exec.CommandContext(b.Context(), "git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
		out, err := cmd.CombinedOutput()
		if err != nil {
			b.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q")
	for i := range 2000 {
		path := filepath.Join(dir, fmt.Sprint("d", i%50), fmt.Sprint("f", i))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.Repeat(fmt.Sprint(i, " "), 800)), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	git("add", "-A")
	git("commit", "-q", "-m", "all")
	git("repack", "-q", "-a", "-d")
	commit := git("rev-parse", "HEAD")
	for b.Loop() {
		tree, err := revision.FromGit(b.Context(), dir, commit, filepath.Join(b.TempDir(), "base"), revision.Options{})
		if err != nil || tree.Files != 2000 {
			b.Fatal(tree.Files, err)
		}
	}
}
