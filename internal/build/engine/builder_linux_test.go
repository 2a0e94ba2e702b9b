package engine_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/moby/moby/api/types/container"
	"golang.org/x/tools/txtar"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/build/buildkit"
	"github.com/plimsoll-ci/plimsoll/internal/build/buildkit/controller"
	"github.com/plimsoll-ci/plimsoll/internal/build/engine"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

var _ = engine.Play("builder", func(ctx context.Context) error {
	return errors.Join(engine.WritableCgroups(), serveBuilder(ctx))
})

var _ = engine.Play("builder without cgroups", serveBuilder)

func serveBuilder(ctx context.Context) error {
	return controller.Serve(ctx, engine.Stdio(os.Stdin, os.Stdout), controller.Options{CacheDir: engine.CachePath})
}

type heard struct {
	mu   sync.Mutex
	logs []string
}

func (h *heard) Emit(e progress.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e.Kind == progress.Log || e.Kind == progress.Notice {
		h.logs = append(h.logs, e.Text)
	}
}

func (h *heard) text() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.logs, "\n")
}

func needRuntime(t testing.TB) string {
	t.Helper()
	busybox, err := exec.LookPath("busybox")
	if err == nil {
		_, err = exec.LookPath("runc")
	}
	if err != nil {
		t.Skipf("RUN needs runc, and a static busybox to run (%v); run: .ci/install-engine", err)
	}
	return busybox
}

const passwd = "root:x:0:0::/:/bin/sh\napp:x:1000:1000::/home:/bin/sh\n"

// rootfs is a small root file system with owners, modes and links, as a tar.
func rootfs(t testing.TB) []byte {
	t.Helper()
	raw, err := os.ReadFile(needRuntime(t))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	entries := []tar.Header{
		{Name: "bin/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "tmp/", Typeflag: tar.TypeDir, Mode: 0o1777},
		{Name: "bin/busybox", Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(raw))},
		{Name: "bin/su", Typeflag: tar.TypeLink, Mode: 0o755, Linkname: "bin/busybox"},
		{Name: "bin/capable", Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(raw)), PAXRecords: map[string]string{
			"SCHILY.xattr.security.capability": "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", // cap_net_bind_service=ep
		}},
		{Name: "etc/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "etc/passwd", Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(passwd))},
		{Name: "home/", Typeflag: tar.TypeDir, Mode: 0o700, Uid: 1000, Gid: 1000},
		{Name: "home/old/", Typeflag: tar.TypeDir, Mode: 0o700, Uid: 1000, Gid: 1000},
		{Name: "home/old/file", Typeflag: tar.TypeReg, Mode: 0o6755, Uid: 1000, Gid: 1000},
	}
	for _, applet := range []string{"sh", "cat", "chmod", "chown", "chroot", "id", "ip", "kill", "mkdir", "mkfifo", "nc", "ping", "rm", "sleep", "start-stop-daemon", "test", "touch"} {
		entries = append(entries, tar.Header{Name: "bin/" + applet, Typeflag: tar.TypeSymlink, Linkname: "busybox"})
	}
	for _, h := range entries {
		content := raw[:min(h.Size, int64(len(raw)))]
		if h.Name == "etc/passwd" {
			content = []byte(passwd)
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// everyday is what Dockerfiles do that takes rights.
const everyday = `-- Dockerfile --
FROM scratch AS base
ADD rootfs.tar /
FROM base
RUN mkdir -p /data && chown 1000:1000 /data && chmod 700 /data && touch /data/by-root && chmod 6755 /bin/su && chroot / /bin/id && mkfifo /data/fifo
RUN rm -rf /home/old && mkdir /home/old && touch /home/old/new
RUN start-stop-daemon -S -c 1000:1000 -x /bin/id
RUN --mount=type=secret,id=s --mount=type=cache,target=/c --mount=type=tmpfs,target=/t test -s /run/secrets/s && touch /c/x /t/x
RUN --network=none ip link && ping -c1 -W1 127.0.0.1
RUN nc -l -p 80 & P=$!; sleep 0.2; kill $P
COPY --from=base --chown=1000:1000 --chmod=0750 /home /copied
USER 1000
RUN id && touch /copied/mine && ! touch /of-root
`

func specOf(t testing.TB, archive string) build.Spec {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "rootfs.tar"), rootfs(t), 0o600); err != nil {
		t.Fatal(err)
	}
	return build.Spec{
		Context: dir, Dockerfile: "Dockerfile", DockerfileName: "app/Dockerfile", Output: filepath.Join(t.TempDir(), "layout"),
	}
}

func TestSiblingBuilds(t *testing.T) {
	t.Parallel()
	e, own := engine.NeedSibling(t)
	spec := specOf(t, everyday)
	spec.Secrets = []build.Secret{{ID: "s", Data: []byte("hush hush")}}
	siblings := &engine.Siblings{CacheVolume: e.Volume(t), Command: func(build.Spec) []string { return engine.Program("builder") }}
	told := &heard{}
	b := &buildkit.Builder{Door: build.DoorSibling, Connect: e.Connect(siblings, own)}
	result, err := b.Build(t.Context(), spec, told)
	if err != nil {
		t.Fatalf("%v\n%s", err, told.text())
	}
	if result.Door != build.DoorSibling || !strings.Contains(result.Detail, "overlayfs") || len(result.Layers) == 0 || !strings.Contains(told.text(), "uid=1000") {
		t.Errorf("got %+v\n%s", result, told.text())
	}
	spec.Output = filepath.Join(t.TempDir(), "layout")
	if err := os.WriteFile(filepath.Join(spec.Context, "Dockerfile"), []byte("FROM scratch\nADD rootfs.tar /\nRUN exit 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var failed *build.FailedError
	if _, err := b.Build(t.Context(), spec, told); !errors.As(err, &failed) || failed.Location.Line != 3 {
		t.Errorf("got %v, want a failure on line 3", err)
	}
}

// It removes all siblings of the image, and so runs alone.
func TestSiblingThatIsRemovedHalfWay(t *testing.T) {
	e, own := engine.NeedSibling(t)
	spec := specOf(t, "-- Dockerfile --\nFROM scratch\nADD rootfs.tar /\nRUN echo now; sleep 100\n")
	b := &buildkit.Builder{Door: build.DoorSibling, Connect: e.ConnectWith(own, engine.Program("builder"), func(*container.HostConfig) {})}
	var once sync.Once
	_, err := b.Build(t.Context(), spec, on(func(event progress.Event) {
		if event.Kind == progress.Log && event.Text == "now" {
			once.Do(func() { e.RemoveSiblingsOf(t, own) })
		}
	}))
	var failed *build.FailedError
	if err == nil || errors.As(err, &failed) {
		t.Errorf("got %v, want an error that does not blame the Dockerfile", err)
	}
	t.Log(err)
}

type on func(progress.Event)

func (f on) Emit(e progress.Event) { f(e) }

// Every right that a sibling has is one that it needs.
func TestSiblingNeedsEachRight(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds twenty times; run: go test ./internal/build/engine, without -short")
	}
	e, own := engine.NeedSibling(t)
	try := func(t *testing.T, program string, change func(*container.HostConfig)) error {
		t.Helper()
		spec := specOf(t, everyday)
		spec.Secrets = []build.Secret{{ID: "s", Data: []byte("hush hush")}}
		b := &buildkit.Builder{Door: build.DoorSibling, Connect: e.ConnectWith(own, engine.Program(program), change)}
		_, err := b.Build(t.Context(), spec, nil)
		return err
	}
	if err := try(t, "builder", func(*container.HostConfig) {}); err != nil {
		t.Fatalf("with all: %v", err)
	}
	for _, right := range engine.Rights() {
		err := try(t, "builder", func(h *container.HostConfig) {
			h.CapAdd = slices.DeleteFunc(slices.Clone(h.CapAdd), func(s string) bool { return s == right })
		})
		if err == nil {
			t.Errorf("it builds without %s", right)
		}
		t.Logf("without %s: %v", right, err)
	}
	for _, call := range engine.SystemCalls() {
		var has bool
		err := try(t, "builder", func(h *container.HostConfig) {
			for i, option := range h.SecurityOpt {
				has = has || strings.Contains(option, `"`+call+`"`)
				h.SecurityOpt[i] = strings.Replace(option, `"`+call+`"`, `"read"`, 1)
			}
		})
		if has && err == nil {
			t.Errorf("it builds without %s", call)
		}
		t.Logf("without %s: %v", call, err)
	}
	if err := try(t, "builder without cgroups", func(*container.HostConfig) {}); err == nil {
		t.Error("it builds without writable cgroups")
	} else {
		t.Logf("without writable cgroups: %v", err)
	}
}
