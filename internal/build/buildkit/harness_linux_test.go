package buildkit

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/moby/sys/mountinfo"
	"golang.org/x/tools/txtar"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

// needMounts skips a test where embedded builds cannot run at all.
func needMounts(t testing.TB) {
	t.Helper()
	var unavailable *build.UnavailableError
	if _, err := new(Embedded).Probe(t.Context()); errors.As(err, &unavailable) {
		t.Skipf("%v; run: sudo -E go test ./internal/build/buildkit", err)
	} else if err != nil {
		t.Fatal(err)
	}
}

// needRuntime skips a test that executes RUN where there is no runtime.
func needRuntime(t testing.TB) {
	t.Helper()
	needMounts(t)
	if can, err := new(Embedded).Probe(t.Context()); can.Runtime == "" {
		t.Skipf("RUN needs a container runtime: %s %v; run: sudo apt-get install runc", can.Missing, err)
	}
}

// heard is a sink that keeps everything.
type heard struct {
	mu     sync.Mutex
	events []progress.Event
	on     func(progress.Event)
}

func (h *heard) Emit(e progress.Event) {
	h.mu.Lock()
	h.events = append(h.events, e)
	on := h.on
	h.mu.Unlock()
	if on != nil {
		on(e)
	}
}

func (h *heard) text(kind progress.Kind) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var b strings.Builder
	for _, e := range h.events {
		if e.Kind == kind {
			b.WriteString(e.Text + "\n")
		}
	}
	return b.String()
}

// tree writes the files of a txtar archive into a directory.
func tree(t testing.TB, archive string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// specFor is a build of dir's Dockerfile with a cache of its own.
func specFor(t testing.TB, dir string) build.Spec {
	t.Helper()
	return build.Spec{
		Context: dir, Dockerfile: "Dockerfile", DockerfileName: "app/Dockerfile",
		Output: filepath.Join(t.TempDir(), "layout"), CacheDir: t.TempDir(),
	}
}

// serveImages serves the Alpine images of Trivy's module over plain HTTP as
// alpine:3.10 and alpine:3.11 and returns the host.
func serveImages(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/aquasecurity/trivy").Output()
	if err != nil {
		t.Fatalf("finding Trivy's module: %v", err)
	}
	data := filepath.Join(strings.TrimSpace(string(out)), "pkg", "fanal", "test", "testdata")
	for tag, file := range map[string]string{"3.10": "alpine-310.tar.gz", "3.11": "alpine-311.tar.gz"} {
		img, err := tarball.Image(gunzipped(t, filepath.Join(data, file)), nil)
		if err != nil {
			t.Fatal(err)
		}
		push(t, host+"/alpine:"+tag, img)
	}
	return host
}

func push(t testing.TB, to string, img v1.Image) {
	t.Helper()
	if err := remote.Write(reference(t, to), img); err != nil {
		t.Fatal(err)
	}
}

func reference(t testing.TB, text string) name.Reference {
	t.Helper()
	ref, err := name.ParseReference(text, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// mustBuild builds and checks what holds for every build.
func mustBuild(t testing.TB, e *Embedded, spec build.Spec) build.Result {
	t.Helper()
	sink := &heard{}
	result, err := e.Build(t.Context(), spec, sink)
	if err != nil {
		if failed, ok := errors.AsType[*build.FailedError](err); ok {
			t.Logf("step %q at %+v:\n%s", failed.Step, failed.Location, strings.Join(failed.Log, "\n"))
		}
		t.Fatalf("build: %v\n%s", err, sink.text(progress.Log))
	}
	if _, err := os.Stat(spec.Output + ".partial"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the partial output was left behind: %v", err)
	}
	nothingMounted(t, spec.CacheDir)
	return result
}

// nothingMounted fails when a mount or container of a cache directory is left.
func nothingMounted(t testing.TB, cacheDir string) {
	t.Helper()
	mounts, err := mountinfo.GetMounts(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mounts {
		if cacheDir == "" {
			cacheDir = os.TempDir()
		}
		if strings.HasPrefix(m.Mountpoint+"/", cacheDir+"/") || strings.Contains(m.VFSOptions, cacheDir) {
			t.Errorf("left mounted: %s", m.Mountpoint)
		}
	}
	notes, _ := filepath.Glob(filepath.Join(cacheDir, "buildkit", "*", "containers", "*"))
	for _, note := range notes {
		t.Errorf("left container: %s", note)
	}
}

// config reads the config of a layout's only image.
func readConfig(t testing.TB, result build.Result) v1.ConfigFile {
	t.Helper()
	var manifest v1.Manifest
	var config v1.ConfigFile
	readJSON(t, blobPath(result.Layout, result.Digest), &manifest)
	readJSON(t, blobPath(result.Layout, manifest.Config.Digest.String()), &config)
	return config
}

func blobPath(layout, digest string) string {
	return filepath.Join(layout, "blobs", "sha256", strings.TrimPrefix(digest, "sha256:"))
}

func readJSON(t testing.TB, path string, into any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

// lines are the line numbers of layers above the base, and of the base as 0.
func lines(result build.Result) []int {
	var out []int
	for _, l := range result.Layers {
		if l.Base {
			out = append(out, 0)
			continue
		}
		out = append(out, l.Location.Line)
	}
	return slices.Clip(out)
}

func withTimeout(t testing.TB, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

// failsOnTheLine builds what cannot be built, and wants each failure on its line.
func failsOnTheLine(t *testing.T, b *Builder) {
	t.Helper()
	host := serveImages(t)
	for name, test := range map[string]struct {
		dockerfile string
		line       int
		says       string
	}{
		"a command": {"FROM %/alpine:3.11\n\nRUN echo last words; \\\n  exit 3\n", 3, "exited with code 3"},
		"a file":    {"FROM %/alpine:3.11\nCOPY missing /\n", 2, "not found"},
		"syntax":    {"FROM %/alpine:3.11\nRUNN x\n", 2, "unknown instruction"},
		"an image":  {"FROM %/nothing:1\n", 1, "check the image's name"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := specFor(t, tree(t, "-- Dockerfile --\n"+strings.ReplaceAll(test.dockerfile, "%", host)))
			_, err := b.Build(t.Context(), spec, nil)
			failed, ok := errors.AsType[*build.FailedError](err)
			if !ok || failed.Location.Line != test.line || !strings.Contains(failed.Error(), test.says) {
				t.Fatalf("got %+v: %v; want line %d", failed, err, test.line)
			}
			if name == "a command" && (len(failed.Log) != 1 || failed.Log[0] != "last words") {
				t.Errorf("the log is %q", failed.Log)
			}
		})
	}
}
