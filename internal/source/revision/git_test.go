package revision_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/source/revision"
)

// repository is made by git itself, as a checkout is.
type repository struct {
	t   *testing.T
	dir string
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed; install it and run: go test ./internal/source/revision")
	}
	r := &repository{t, t.TempDir()}
	r.git("init", "-q", "-b", "main")
	return r
}

func (r *repository) git(args ...string) string {
	r.t.Helper()
	return gitIn(r.t, r.dir, args...)
}

func gitIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com", "GIT_AUTHOR_DATE=2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE=2026-01-01T00:00:00Z")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r *repository) write(name, content string) {
	r.t.Helper()
	path := filepath.Join(r.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// commit commits everything and returns its id.
func (r *repository) commit(message string) string {
	r.t.Helper()
	r.git("add", "-A")
	r.git("commit", "-q", "--allow-empty", "-m", message)
	return r.git("rev-parse", "HEAD")
}

// tree reads a directory as path → content; links as "-> target".
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		name := filepath.ToSlash(rel)
		switch {
		case entry.IsDir():
			return nil
		case entry.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			out[name] = "-> " + target
			return err
		}
		data, err := os.ReadFile(path)
		out[name] = string(data)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return out
}

func TestFromGit(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.write("Dockerfile", "FROM alpine:3.20\n")
	r.write("deploy/web.yaml", strings.Repeat("kind: Deployment\n", 500))
	r.write("run.sh", "#!/bin/sh\n")
	r.write("big.bin", strings.Repeat("x", 3000))
	r.write("model.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:"+strings.Repeat("0", 64)+"\nsize 12345\n")
	if err := os.Chmod(filepath.Join(r.dir, "run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"in": "deploy/web.yaml", "deploy/up": "../Dockerfile", "out": "../secret", "abs": "/etc/passwd", "deploy/far": "../../x", "climb": "deploy/../../x"} {
		if err := os.Symlink(target, filepath.Join(r.dir, filepath.FromSlash(name))); err != nil {
			t.Fatal(err)
		}
	}
	r.git("add", "-A")
	r.git("update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("1", 40)+",vendor/lib")
	r.git("commit", "-q", "-m", "base")
	base := r.git("rev-parse", "HEAD")
	r.git("rm", "-q", "--cached", "vendor/lib")
	r.write("deploy/web.yaml", strings.Repeat("kind: Deployment\n", 499))
	head := r.commit("head")

	want := map[string]string{
		"Dockerfile": "FROM alpine:3.20\n", "deploy/web.yaml": strings.Repeat("kind: Deployment\n", 500), "run.sh": "#!/bin/sh\n",
		"model.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:" + strings.Repeat("0", 64) + "\nsize 12345\n",
		"in":        "-> deploy/web.yaml", "deploy/up": "-> ../Dockerfile",
	}
	wantLeft := []string{
		"abs: the link leads out of the tree",
		"big.bin: has 3000 bytes; at most 2999 are read",
		"climb: the link leads out of the tree",
		"deploy/far: the link leads out of the tree",
		"model.bin: its content lies in Git LFS",
		"out: the link leads out of the tree",
		"vendor/lib: is a submodule",
	}
	unpack := func(t *testing.T, workDir string) {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "base")
		keep := func(path string) bool { return path != "deploy/web.yaml" }
		got, err := revision.FromGit(t.Context(), workDir, base, dir, revision.Options{MaxFile: 2999, Keep: keep})
		if err != nil {
			t.Fatal(err)
		}
		wanted := map[string]string{}
		for name, content := range want {
			if keep(name) {
				wanted[name] = content
			}
		}
		if diff := cmp.Diff(wanted, tree(t, dir)); diff != "" {
			t.Errorf("tree (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(wantLeft, got.Left); diff != "" {
			t.Errorf("left (-want +got):\n%s", diff)
		}
		if got.Commit != base || got.Files != len(wanted) {
			t.Errorf("got %+v; want %d files", got, len(wanted))
		}
		info, err := os.Stat(filepath.Join(dir, "run.sh"))
		if err != nil || info.Mode()&0o100 == 0 {
			t.Errorf("run.sh: %v, %v; want it executable", info.Mode(), err)
		}
	}
	t.Run("loose objects", func(t *testing.T) { unpack(t, r.dir) })
	t.Run("from a directory inside", func(t *testing.T) { unpack(t, filepath.Join(r.dir, "deploy")) })
	t.Run("linked work tree", func(t *testing.T) {
		linked := filepath.Join(t.TempDir(), "linked")
		r.git("worktree", "add", "-q", linked, head)
		unpack(t, linked)
	})
	t.Run("git directory elsewhere", func(t *testing.T) {
		clone, gitDir := filepath.Join(t.TempDir(), "clone"), filepath.Join(t.TempDir(), "git")
		r.git("clone", "-q", "--separate-git-dir", gitDir, r.dir, clone)
		unpack(t, clone)
	})
	t.Run("alternates", func(t *testing.T) {
		clone := filepath.Join(t.TempDir(), "clone")
		r.git("clone", "-q", "--shared", r.dir, clone)
		unpack(t, clone)
	})
	t.Run("packed", func(t *testing.T) {
		clone := filepath.Join(t.TempDir(), "clone")
		r.git("clone", "-q", "--no-local", r.dir, clone)
		gitIn(t, clone, "repack", "-q", "-a", "-d", "--depth=50", "--window=50")
		unpack(t, clone)
	})
	t.Run("the whole file", func(t *testing.T) {
		dir := t.TempDir()
		if _, err := revision.FromGit(t.Context(), r.dir, base, dir, revision.Options{}); err != nil {
			t.Fatal(err)
		}
		if got := tree(t, dir)["deploy/web.yaml"]; got != want["deploy/web.yaml"] {
			t.Errorf("deploy/web.yaml has %d bytes; want that of the base, with %d", len(got), len(want["deploy/web.yaml"]))
		}
	})
	for name, opts := range map[string]revision.Options{"too many entries": {MaxEntries: 5}, "too many bytes": {MaxBytes: 4000}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if _, err := revision.FromGit(t.Context(), r.dir, base, dir, opts); err == nil || errors.Is(err, revision.ErrNotHere) {
				t.Errorf("error %v; want one about the limit", err)
			}
			if left := tree(t, dir); len(left) > 0 {
				t.Errorf("%d files are left", len(left))
			}
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := revision.FromGit(ctx, r.dir, base, t.TempDir(), revision.Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("into a directory with something in it", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "mine"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := revision.FromGit(t.Context(), r.dir, base, dir, revision.Options{}); err == nil {
			t.Error("it was written to")
		}
		if _, err := os.Stat(filepath.Join(dir, "mine")); err != nil {
			t.Error("it was emptied")
		}
	})
}

func TestNotHere(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.write("Dockerfile", "FROM a\n")
	r.write("big", strings.Repeat("b\n", 100))
	base := r.commit("base")
	r.write("Dockerfile", "FROM b\n")
	r.write("big", "small\n")
	head := r.commit("head")
	notHere := func(t *testing.T, workDir, commit string) {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "base")
		if _, err := revision.FromGit(t.Context(), workDir, commit, dir, revision.Options{}); !errors.Is(err, revision.ErrNotHere) {
			t.Errorf("error %v; want ErrNotHere", err)
		}
		if left := tree(t, dir); len(left) > 0 {
			t.Errorf("%d files are left", len(left))
		}
	}
	t.Run("no repository", func(t *testing.T) { notHere(t, t.TempDir(), base) })
	t.Run("unknown commit", func(t *testing.T) { notHere(t, r.dir, strings.Repeat("1", 40)) })
	t.Run("a tree's id", func(t *testing.T) { notHere(t, r.dir, r.git("rev-parse", "HEAD^{tree}")) })
	t.Run("sha256", func(t *testing.T) { notHere(t, r.dir, strings.Repeat("1", 64)) })
	t.Run("shallow", func(t *testing.T) {
		clone := filepath.Join(t.TempDir(), "clone")
		r.git("clone", "-q", "--depth=1", "file://"+r.dir, clone)
		notHere(t, clone, base)
		if _, err := revision.FromGit(t.Context(), clone, head, t.TempDir(), revision.Options{}); err != nil {
			t.Errorf("the head: %v", err)
		}
		if _, err := revision.MergeBase(t.Context(), clone, base, head); !errors.Is(err, revision.ErrNotHere) {
			t.Errorf("merge base: error %v; want ErrNotHere", err)
		}
	})
	t.Run("partial", func(t *testing.T) {
		r.git("config", "uploadpack.allowFilter", "true")
		clone := filepath.Join(t.TempDir(), "clone")
		r.git("clone", "-q", "--filter=blob:none", "file://"+r.dir, clone)
		notHere(t, clone, base)
	})
	for _, bad := range []string{"", "HEAD", "main", base[:12], strings.ToUpper(base), base + "\n", "--output=x"} {
		if _, err := revision.FromGit(t.Context(), r.dir, bad, t.TempDir(), revision.Options{}); err == nil || errors.Is(err, revision.ErrNotHere) {
			t.Errorf("%q: error %v; want one about the id", bad, err)
		}
	}
}

// What stands in a work directory is not believed: every object is proven by its id.
func TestForgedObject(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.write("Dockerfile", "FROM a\n")
	base := r.commit("base")
	for _, object := range []string{r.git("rev-parse", "HEAD:Dockerfile"), r.git("rev-parse", "HEAD^{tree}"), base} {
		kind := r.git("cat-file", "-t", object)
		path := filepath.Join(r.dir, ".git", "objects", object[:2], object[2:])
		kept, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		content := map[string]string{"blob": "FROM b\n", "tree": "", "commit": "tree " + strings.Repeat("0", 40) + "\n\nx"}[kind]
		var forged bytes.Buffer
		w := zlib.NewWriter(&forged)
		fmt.Fprintf(w, "%s %d\x00%s", kind, len(content), content)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		for name, bytes := range map[string][]byte{"forged": forged.Bytes(), "cut off": kept[:len(kept)/2], "empty": nil} {
			if err := os.WriteFile(path, bytes, 0o644); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			if _, err := revision.FromGit(t.Context(), r.dir, base, dir, revision.Options{}); err == nil {
				t.Errorf("%s %s: no error", name, kind)
			}
			if left := tree(t, dir); len(left) > 0 {
				t.Errorf("%s %s: %d files are left", name, kind, len(left))
			}
		}
		if err := os.WriteFile(path, kept, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := revision.FromGit(t.Context(), r.dir, base, t.TempDir(), revision.Options{}); err != nil {
		t.Errorf("restored: %v", err)
	}
}

// Trees that git would not check out.
func TestHostileTree(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.write("x", "x")
	r.commit("x")
	blob, sub := r.git("rev-parse", "HEAD:x"), r.git("rev-parse", "HEAD^{tree}")
	raw := func(id string) string {
		var b []byte
		if _, err := fmt.Sscanf(id, "%x", &b); err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	file := func(name string) string { return "100644 " + name + "\x00" + raw(blob) }
	folder := func(name string) string { return "40000 " + name + "\x00" + raw(sub) }
	link := func(name string) string { return "120000 " + name + "\x00" + raw(blob) }
	for name, content := range map[string]string{
		"dot dot": folder(".."), "dot": file("."), "git": folder(".git"), "Git": folder(".GIT"), "slash": file("a/b"), "absolute": file("/etc"),
		"twice": file("a") + file("a"), "file and directory": file("a") + folder("a"), "link and directory": link("a") + folder("a"),
		"cut off": "100644 a\x00" + raw(blob)[:7], "no name": file(""),
	} {
		cmd := exec.CommandContext(t.Context(), "git", "hash-object", "-t", "tree", "--literally", "-w", "--stdin")
		cmd.Dir, cmd.Stdin = r.dir, strings.NewReader(content)
		id, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		commit := r.git("commit-tree", strings.TrimSpace(string(id)), "-m", name)
		dir := filepath.Join(t.TempDir(), "base")
		if _, err := revision.FromGit(t.Context(), r.dir, commit, dir, revision.Options{}); err == nil {
			t.Errorf("%s: unpacked %v", name, tree(t, dir))
		} else if left := tree(t, dir); len(left) > 0 {
			t.Errorf("%s: %v is left", name, left)
		}
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.write("a", "1")
	fork := r.commit("fork")
	r.git("checkout", "-q", "-b", "change")
	r.write("b", "1")
	head := r.commit("change")
	r.git("checkout", "-q", "main")
	r.write("a", "2")
	base := r.commit("base")
	r.git("checkout", "-q", "--detach", "main")
	r.git("merge", "-q", "--no-ff", "-m", "merge", "change")
	merge := r.git("rev-parse", "HEAD")

	shallow := filepath.Join(t.TempDir(), "shallow")
	if err := os.MkdirAll(shallow, 0o755); err != nil {
		t.Fatal(err)
	}
	gitIn(t, shallow, "init", "-q")
	r.git("config", "uploadpack.allowAnySHA1InWant", "true")
	gitIn(t, shallow, "fetch", "-q", "--depth=1", "file://"+r.dir, merge)
	for name, dir := range map[string]string{"whole": r.dir, "depth 1": shallow} {
		if got, err := revision.FirstParent(dir, merge, head); err != nil || got != base {
			t.Errorf("%s: first parent %s, %v; want %s", name, got, err, base)
		}
	}
	// A head that merges something chose its parents itself.
	if got, err := revision.FirstParent(r.dir, merge, merge); err == nil {
		t.Errorf("first parent %s of a commit that does not merge the head", got)
	}
	if got, err := revision.FirstParent(r.dir, head, base); err == nil {
		t.Errorf("first parent %s of a commit that merges nothing", got)
	}
	if got, err := revision.MergeBase(t.Context(), r.dir, base, head); err != nil || got != fork {
		t.Errorf("merge base %s, %v; want %s", got, err, fork)
	}
}
