package source

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	write("deploy/marked", "\uFEFFa\r\n", 0o751)
	write("read-only", "a\n", 0o444)
	write("changed", "a\n", 0o644)
	if err := os.Symlink("changed", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.MkdirAll(outside, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(outside, "file"), []byte("a\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "away")); err != nil {
		t.Fatal(err)
	}
	tree, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()

	marked, err := tree.File("deploy/marked")
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Replace(marked, "b\r\n"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "deploy", "marked")
	if got, err := os.ReadFile(path); err != nil || string(got) != "\uFEFFb\r\n" {
		t.Errorf("the file holds %q, %v", got, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o751 {
		t.Errorf("the file has the mode %v, %v", info.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("the directory holds %v, %v", left, err)
	}

	for name, want := range map[string]string{
		"read-only":     "writing read-only: is read-only; make it writable",
		"changed":       "writing changed: changed since it was read; run again",
		"link":          "writing link: is a symbolic link",
		"away/file":     "writing away/file: is a link that leaves the tree",
		"gone":          "writing gone: does not exist",
		"../outside":    "writing ../outside: ",
		"deploy":        "writing deploy: is not a regular file",
		"deploy/marked": "writing deploy/marked: changed since it was read",
	} {
		text := "a\n"
		if name == "changed" {
			text = "something else\n"
		}
		f, err := NewFile(name, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Replace(f, "b\n"); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
	if got, err := os.ReadFile(filepath.Join(outside, "file")); err != nil || string(got) != "a\n" {
		t.Errorf("a file outside of the tree was written: %q, %v", got, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 5 {
		t.Errorf("something was left behind: %v, %v", left, err)
	}
}
