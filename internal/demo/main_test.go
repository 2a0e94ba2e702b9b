package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// The tests run the program itself, whole, as a user does. They need the Go
// toolchain that runs them and, where they build images, the right to mount.

// root is the repository, seen from here.
const root = "../.."

// plimsoll is the program, stocked what all tests share, and scratch where both lie.
var (
	plimsoll string
	stocked  *stores
	scratch  string
)

func TestMain(m *testing.M) {
	if out := os.Getenv(asDemo); out != "" {
		os.Exit(runAsDemo(out))
	}
	code, err := prepareAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "preparing the end-to-end tests:", err)
		code = 1
	}
	os.Exit(code)
}

func prepareAndRun(m *testing.M) (code int, err error) {
	if scratch, err = os.MkdirTemp("", "plimsoll-e2e-"); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	// Some tests run the program as nobody.
	if err := os.Chmod(scratch, 0o755); err != nil {
		return 0, err
	}
	if plimsoll, err = program(); err != nil {
		return 0, err
	}
	if stocked, err = gather(context.Background(), root, filepath.Join(scratch, "stores")); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// program builds the program, or takes the one that PLIMSOLL_BINARY names.
func program() (string, error) {
	if named := os.Getenv("PLIMSOLL_BINARY"); named != "" {
		return filepath.Abs(named)
	}
	path := filepath.Join(scratch, "plimsoll")
	build := exec.Command("go", "build", "-o", path, ".")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOEXPERIMENT=jsonv2")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the program: %w\n%s", err, out)
	}
	return path, nil
}

// declareSources looks at every source of the program, so that go test, which
// notes what tests look at while they run, does not repeat an old result when one
// of them changed: the program is no import of this package.
var declareSources = sync.OnceValue(func() error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if path != root && strings.HasPrefix(entry.Name(), ".") {
				return fs.SkipDir
			}
			return nil
		}
		switch filepath.Ext(path) {
		case ".go", ".mod", ".json", ".yaml", ".txtar":
			_, err = os.Stat(path)
		}
		return err
	})
})

// whyNoBuild says why this machine cannot build images; "" is that it can.
var whyNoBuild = sync.OnceValue(func() string {
	dir := filepath.Join(scratch, "probe")
	_ = os.MkdirAll(dir, 0o755)
	_ = os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nCOPY Dockerfile /\n"), 0o644)
	build := exec.Command(plimsoll, "build", "--quiet", "--driver=embedded", "--cache-dir="+filepath.Join(dir, "cache"), "--output="+filepath.Join(dir, "image"), dir)
	out, err := build.CombinedOutput()
	if err != nil && strings.Contains(string(out), "mounting is not permitted") {
		cause, _, _ := strings.Cut(string(out), ";")
		return cause
	}
	return ""
})

// needsBuilder skips a test where images cannot be built. As root with the right
// to mount it is never skipped.
func needsBuilder(t *testing.T) {
	t.Helper()
	if why := whyNoBuild(); why != "" {
		t.Skipf("%s\nthe command that makes this test run: sudo -E env PATH=$PATH go test ./internal/demo", why)
	}
}
