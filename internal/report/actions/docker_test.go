//go:build linux

package actions_test

import (
	"archive/tar"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/report/actions/runnertest"
)

// image makes an image of this program and what the runner's ways of starting need:
// sh, env, tail, mv, rm, mkdir.
func image(t *testing.T) string {
	t.Helper()
	const how = "; apt-get install docker.io busybox-static, start dockerd, then: CGO_ENABLED=0 go test ./internal/report/actions"
	if err := exec.CommandContext(t.Context(), "docker", "version").Run(); err != nil {
		t.Skip("no engine answers" + how)
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("no busybox" + how)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, from := range map[string]string{"bin/busybox": busybox, "action": os.Args[0]} {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(data))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"sh", "env", "tail", "mv", "rm", "mkdir", "sleep"} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + name, Linkname: "busybox"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	tag := "plimsoll-runnertest:" + strings.ToLower(filepath.Base(t.TempDir())) + strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-"))
	command := exec.CommandContext(t.Context(), "docker", "import", "-", tag)
	command.Stdin = &b
	if out, err := command.CombinedOutput(); err != nil {
		t.Skipf("docker import: %v: %s%s", err, out, how)
	}
	t.Cleanup(func() { _ = exec.Command("docker", "rmi", "-f", tag).Run() })
	return tag
}

func TestInAnEngine(t *testing.T) {
	t.Parallel()
	tag := image(t)
	for name, start := range map[string]runnertest.Starter{
		"docker":          runnertest.Docker{Image: tag},
		"docker socket":   runnertest.Docker{Image: tag, Socket: runnertest.RealSocket, Network: "none"},
		"empty directory": runnertest.Docker{Image: tag, Socket: runnertest.EmptyDirectory},
		"kubernetes":      runnertest.Kubernetes{Image: tag},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := play(t, "hostile", start, nil)
			onlyOurs(t, r)
			if r.ExitCode != 3 {
				t.Errorf("exit %d", r.ExitCode)
			}
			r = play(t, "outputs", start, map[string]string{"unknown": "x"})
			checkStep(t, r)
			if !strings.Contains(r.Text(), "home: /github/home") {
				t.Error(r.Text())
			}
		})
	}
	t.Run("workspace of uid 1001", func(t *testing.T) {
		t.Parallel()
		if os.Geteuid() != 0 {
			t.Skip("only root may give files away; run as root")
		}
		r := play(t, "outputs", runnertest.Docker{Image: tag, Owner: 1001}, nil)
		for _, name := range []string{"made", "made/deep", "made/deep/file"} {
			info, err := os.Stat(filepath.Join(r.Workspace, name))
			if err != nil {
				t.Fatal(err)
			}
			if uid := info.Sys().(*syscall.Stat_t).Uid; uid != 1001 {
				t.Errorf("%s belongs to %d", name, uid)
			}
		}
	})
}
