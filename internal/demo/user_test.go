package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// asDemo makes this test program the demo, with the stores in the directory named.
const (
	asDemo       = "PLIMSOLL_TEST_AS_DEMO"
	asDemoBinary = "PLIMSOLL_TEST_AS_DEMO_BINARY"
)

func runAsDemo(out string) int {
	if err := sail(context.Background(), inStore(out), os.Getenv(asDemoBinary), out); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		return 1
	}
	return 0
}

// ordinary is how to become an ordinary user: not at all when the tests run as
// one already.
func ordinary(t *testing.T) []string {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	path, err := exec.LookPath("setpriv")
	if err != nil {
		t.Skip("root cannot become an ordinary user here: setpriv (package util-linux) is missing; run go test ./internal/demo as another user")
	}
	return []string{path, "--reuid=65534", "--regid=65534", "--clear-groups"}
}

func handOver(t *testing.T, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	check(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, 65534, 65534)
	}))
}

// Where nothing may be mounted the demo says so, and shows what works.
func TestDemoAsOrdinaryUser(t *testing.T) {
	t.Parallel()
	become := ordinary(t)
	w := newWorld(t, registrytest.Options{})
	out := filepath.Join(w.dir, "out")
	check(t, os.CopyFS(out, os.DirFS(filepath.Dir(stocked.key))))
	self := filepath.Join(w.dir, "demo")
	copyProgram(t, self)
	handOver(t, w.dir)

	words := slices.Concat(become, []string{self})
	command := exec.Command(words[0], words[1:]...)
	command.Dir = w.dir
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"), "TMPDIR=" + w.tmp, "HOME=" + filepath.Join(w.dir, "home"),
		asDemo + "=" + out, asDemoBinary + "=" + plimsoll,
	}
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	if err := command.Run(); err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	for _, want := range []string{"This machine does not let us build: ", "mounting is not permitted", "run make demo as root", "VUL-OS", "Dockerfile:4:5: high: ENV \"API_TOKEN\""} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("the demo does not say %q\n%s", want, said.String())
		}
	}
	if left, err := os.ReadDir(w.tmp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// copyProgram copies this test program, which lies where only its user may look.
func copyProgram(t *testing.T, to string) {
	t.Helper()
	self, err := os.Executable()
	check(t, err)
	from, err := os.Open(self)
	check(t, err)
	defer from.Close()
	file, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	check(t, err)
	_, err = io.Copy(file, from)
	check(t, err)
	check(t, file.Close())
}

// A gate that cannot build is not known, unless lint found what fails.
func TestGateWithoutTheRightToMount(t *testing.T) {
	t.Parallel()
	ordinary(t)
	w := newWorld(t, registrytest.Options{})
	dir := w.ship("good")
	handOver(t, w.dir)
	w.nobody = true
	o := w.gate(dir, "--push", "--tags="+w.Host+"/ships/good:1.0.0")
	o.exits(3)
	o.decides(verdict.Indeterminate)
	o.reason("mounting is not permitted", "--privileged")
	o.last("indeterminate")
	if w.tagged("ships/good", "1.0.0") != "" || len(w.Writes()) > 0 {
		t.Errorf("writes %v", w.Writes())
	}
}

// A file that may not be read is not passed over.
func TestUnreadableSource(t *testing.T) {
	t.Parallel()
	ordinary(t)
	w := newWorld(t, registrytest.Options{})
	dir := w.source("closed", "Dockerfile", "FROM scratch\nUSER 1000\n", "deploy/app.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n")
	handOver(t, w.dir)
	check(t, os.Chmod(filepath.Join(dir, "deploy", "app.yaml"), 0))
	w.nobody = true
	o := w.run(dir, "lint", ".")
	o.exits(3)
	o.last("indeterminate", "deploy/app.yaml", "may not be read")
	// The image runs as root, which alone would fail.
	o = w.gate(dir, "--input="+w.base, "--scanners=secret", "--lint-fail-on-severity=critical")
	o.exits(3)
	o.reason("may not be read")
}
