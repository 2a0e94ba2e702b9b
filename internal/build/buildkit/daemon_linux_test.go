package buildkit

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/plimsoll-ci/plimsoll/internal/build"
)

// daemonVariable names the buildkitd program that peers are made of.
const daemonVariable = "PLIMSOLL_BUILDKITD"

// daemon is a real buildkitd.
type daemon struct {
	process *exec.Cmd
	root    string
	done    chan struct{} // closed when the process has ended
}

// startDaemon runs buildkitd until the test ends; addr is what it listens at, and
// args is what else it is told.
func startDaemon(t testing.TB, addr string, args ...string) *daemon {
	t.Helper()
	needRuntime(t)
	program := os.Getenv(daemonVariable)
	if program == "" {
		t.Skip("this needs a buildkitd; run: make peers")
	}
	d := &daemon{root: t.TempDir(), done: make(chan struct{})}
	var log bytes.Buffer
	d.process = exec.Command(program, append([]string{
		"--root", d.root, "--addr", addr, "--oci-worker-net", "host", "--containerd-worker=false",
	}, args...)...)
	d.process.Stderr = &log
	d.process.Env = append(os.Environ(), "TMPDIR="+filepath.Join(d.root, "tmp"))
	if err := os.Mkdir(filepath.Join(d.root, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	d.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := d.process.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { defer close(d.done); _ = d.process.Wait() }()
	t.Cleanup(func() {
		defer d.clear(t)
		_ = d.process.Process.Signal(syscall.SIGTERM)
		select {
		case <-d.done:
		case <-time.After(10 * time.Second):
			_ = d.process.Process.Kill()
			<-d.done
		}
		if t.Failed() {
			t.Logf("buildkitd said:\n%s", log.String())
		}
	})
	return d
}

// kill ends the daemon as a machine that loses power would.
func (d *daemon) kill() {
	_ = d.process.Process.Kill()
	<-d.done
}

// clear removes what a killed daemon left behind.
func (d *daemon) clear(t testing.TB) {
	t.Helper()
	containers, _ := filepath.Glob(filepath.Join(d.root, "*", "executor", "*", "config.json"))
	for _, config := range containers {
		_ = exec.CommandContext(context.WithoutCancel(t.Context()), "runc", "delete", "--force", filepath.Base(filepath.Dir(config))).Run()
	}
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(d.root))
	if err != nil {
		t.Error(err)
	}
	for _, m := range slices.Backward(mounts) {
		_ = unix.Unmount(m.Mountpoint, unix.MNT_DETACH)
	}
}

// freePort is an address of this machine that nobody listens at.
func freePort(t testing.TB) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// reached is a builder at an endpoint, when that is ready.
func reached(t testing.TB, e Endpoint) *Builder {
	t.Helper()
	b := &Builder{Door: build.DoorRemote, Connect: e.Connect}
	var err error
	for range 100 {
		if err = b.Ready(t.Context(), build.Spec{}); err == nil {
			return b
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal(err)
	return nil
}

func socketIn(dir string) string { return "unix://" + filepath.Join(dir, "buildkitd.sock") }

// builder is any of them.
type builder = build.Builder

// through builds and fails the test when that fails.
func through(t testing.TB, b builder, spec build.Spec) build.Result {
	t.Helper()
	sink := &heard{}
	result, err := b.Build(context.WithoutCancel(t.Context()), spec, sink)
	if err != nil {
		t.Fatalf("build: %v\n%+v", err, sink.events)
	}
	return result
}
