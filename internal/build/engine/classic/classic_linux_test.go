package classic

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/build/engine"
	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

type heard struct {
	mu   sync.Mutex
	kept []progress.Event
	on   func(progress.Event)
}

func (h *heard) Emit(e progress.Event) {
	h.mu.Lock()
	h.kept = append(h.kept, e)
	h.mu.Unlock()
	if h.on != nil {
		h.on(e)
	}
}

func (h *heard) text(kind progress.Kind) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var b strings.Builder
	for _, e := range h.kept {
		if e.Kind == kind {
			b.WriteString(e.Text + "\n")
		}
	}
	return b.String()
}

func needEngine(t testing.TB) engine.Opener {
	t.Helper()
	open := engine.Lazily(engine.Options{Getenv: os.Getenv})
	e, err := open(t.Context())
	if unavailable, ok := errors.AsType[*build.UnavailableError](err); ok {
		t.Skipf("%s; run: .ci/install-engine", unavailable.Cause)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return open
}

// specFor is a build of an archive's files, and of a static busybox.
func specFor(t testing.TB, archive string) build.Spec {
	t.Helper()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skipf("RUN needs a program to run (%v); run: .ci/install-engine", err)
	}
	program, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, content []byte, mode os.FileMode) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, mode)); err != nil {
			t.Fatal(err)
		}
	}
	write("busybox", program, 0o755)
	for _, f := range txtar.Parse([]byte(archive)).Files {
		write(f.Name, f.Data, 0o644)
	}
	return build.Spec{Context: dir, Dockerfile: "Dockerfile", DockerfileName: "app/Dockerfile", Output: filepath.Join(t.TempDir(), "layout")}
}

func TestBuild(t *testing.T) {
	t.Parallel()
	open := needEngine(t)
	spec := specFor(t, `-- Dockerfile --
# syntax=docker/dockerfile:1
ARG FROM=scratch
FROM ${FROM} AS base
ONBUILD LABEL triggered=yes
COPY busybox /bin/busybox
SHELL ["/bin/busybox", "sh", "-c"]
FROM base AS second
ARG GREETING
RUN echo "$GREETING" > /greeting; \
  printf '::add-mask::x\n\033[2Jhostile\n'
USER 1000
FROM nowhere.invalid/x AS unused
-- secret --
not for the engine
-- .dockerignore --
secret
`)
	spec.Target, spec.Args, spec.Labels = "1", map[string]string{"GREETING": "hello"}, map[string]string{"a": "b"}
	told := &heard{}
	b := &Builder{Open: open}
	result, err := b.Build(t.Context(), spec, told)
	if err != nil {
		t.Fatalf("%v\n%s", err, told.text(progress.Log))
	}
	img, err := image.FromLayout(result.Layout, "", "")
	if err != nil {
		t.Fatal(err)
	}
	if img.Digest.String() != result.Digest || img.Config.Config.Labels["a"] != "b" || img.Config.Config.User != "1000" || img.Config.Config.Labels["triggered"] != "yes" {
		t.Errorf("got %+v of %+v", img.Config.Config, result)
	}
	var lines []int
	for _, l := range result.Layers {
		lines = append(lines, l.Location.Line)
	}
	if diff := cmp.Diff([]int{5, 9}, lines); diff != "" {
		t.Errorf("lines of layers (-want +got):\n%s\n%+v", diff, img.Config.History)
	}
	if log := told.text(progress.Log); !strings.Contains(log, "::add-mask::x\n\x1b[2Jhostile\n") {
		t.Errorf("output was changed on its way: %q", log)
	}
	if steps := told.text(progress.Step); !strings.Contains(steps, "COPY busybox /bin/busybox DONE") {
		t.Errorf("steps: %s", steps)
	}
	if len(result.Notes) != 1 || !strings.Contains(result.Notes[0], "# syntax=") {
		t.Errorf("notes: %q", result.Notes)
	}
	left(t, open)
}

// left checks that no image of ours is left in the engine by this process.
func left(t testing.TB, open engine.Opener) {
	t.Helper()
	e, err := open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	open := needEngine(t)
	const shell = "FROM scratch\nCOPY busybox /bin/busybox\nSHELL [\"/bin/busybox\", \"sh\", \"-c\"]\n"
	for name, test := range map[string]struct {
		dockerfile, want string
		line             int
	}{
		"a step":            {shell + "RUN seq 30; echo last words; exit 3\n", "exited with code 3", 4},
		"a later stage":     {"ARG A\n" + shell + "FROM scratch\nCOPY --from=0 /bin /bin\nRUN [\"/bin/busybox\", \"false\"]\n", "exited with code 1", 7},
		"a missing file":    {"FROM scratch\n\nCOPY nonesuch /\n", "nonesuch", 3},
		"no such program":   {"FROM scratch\nCOPY busybox /\nRUN [\"/nonesuch\"]\n", "nonesuch", 3},
		"an instruction":    {"FROM scratch\nFETCH x\n", "FETCH", 2},
		"an unknown target": {"FROM scratch AS a\nFROM b.invalid:443/x\n", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := specFor(t, "-- Dockerfile --\n"+test.dockerfile)
			_, err := (&Builder{Open: open}).Build(t.Context(), spec, nil)
			failed, ok := errors.AsType[*build.FailedError](err)
			if test.line == 0 {
				if err == nil || ok {
					t.Errorf("got %v, want an error that does not blame the Dockerfile", err)
				}
				return
			}
			if !ok || failed.Location.Line != test.line || failed.Location.Path != "app/Dockerfile" || !strings.Contains(failed.Error(), test.want) {
				t.Fatalf("got %v on %+v, want %q on line %d", err, failed, test.want, test.line)
			}
			if name == "a step" && (len(failed.Log) != 20 || failed.Log[19] != "last words" || !strings.HasPrefix(failed.Step, "RUN seq")) {
				t.Errorf("the log ends with %q, the step is %q", failed.Log, failed.Step)
			}
		})
	}
}

func TestNeedsBuildKit(t *testing.T) {
	t.Parallel()
	open := needEngine(t)
	spec := specFor(t, "-- Dockerfile --\nFROM scratch\nCOPY busybox /bin/sh\nRUN --mount=type=cache,target=/x true\n")
	_, err := (&Builder{Open: open}).Build(t.Context(), spec, nil)
	if err == nil {
		t.Skip("this engine builds RUN --mount without BuildKit, as Podman does; run it with Docker: .ci/install-engine")
	}
	var unavailable *build.UnavailableError
	if !errors.As(err, &unavailable) || unavailable.Door != build.DoorEngine || !strings.Contains(unavailable.Cause, "RUN --mount") {
		t.Errorf("got %v", err)
	}
}

func TestRefusesWhatItWouldLeaveOut(t *testing.T) {
	t.Parallel()
	for input, change := range map[string]func(*build.Spec){
		"secrets":        func(s *build.Spec) { s.Secrets = []build.Secret{{ID: "x"}} },
		"build-contexts": func(s *build.Spec) { s.Contexts = map[string]string{"x": "."} },
		"annotations":    func(s *build.Spec) { s.Annotations = map[string]string{"x": "y"} },
		"cache-to":       func(s *build.Spec) { s.CacheTo = []string{"type=registry,ref=x.example/y"} },
		"platforms":      func(s *build.Spec) { s.Platform = "linux/amd64,linux/arm64" },
	} {
		var spec build.Spec
		change(&spec)
		_, err := (&Builder{}).Build(t.Context(), spec, nil)
		var usage *config.UsageError
		if !errors.As(err, &usage) || usage.Where != input {
			t.Errorf("%s: got %v", input, err)
		}
	}
}

// An engine that goes away half-way is not the Dockerfile's fault, and no image
// that is whole comes of it.
func TestEngineThatStops(t *testing.T) {
	t.Parallel()
	needEngine(t)
	for name, stop := range map[string]func(*cutter, progress.Event){
		"while it builds": func(c *cutter, e progress.Event) {
			if e.Kind == progress.Log && strings.Contains(e.Text, "now") {
				c.cut()
			}
		},
		"while it saves": func(c *cutter, e progress.Event) {
			if e.Kind == progress.Step && strings.HasSuffix(e.Text, "USER 1 DONE") {
				c.cutAfter("GET /v1.", "/images/get", 200<<10)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCutter(t)
			spec := specFor(t, "-- Dockerfile --\nFROM scratch\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"sh\", \"-c\", \"echo now; /bin/busybox sleep 1\"]\nUSER 1\n")
			open := engine.Lazily(engine.Options{Host: c.host})
			told := &heard{}
			told.on = func(e progress.Event) { stop(c, e) }
			_, err := (&Builder{Open: open}).Build(t.Context(), spec, told)
			var failed *build.FailedError
			if err == nil || errors.As(err, &failed) {
				t.Fatalf("got %v, want an error that does not blame the Dockerfile", err)
			}
			t.Log(err)
			if _, err := image.FromLayout(spec.Output, "", ""); err == nil {
				t.Error("there is an image")
			}
		})
	}
}

func TestStopped(t *testing.T) {
	t.Parallel()
	open := needEngine(t)
	ctx, cancel := context.WithCancel(t.Context())
	spec := specFor(t, "-- Dockerfile --\nFROM scratch\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"sh\", \"-c\", \"echo now; /bin/busybox sleep 60\"]\n")
	told := &heard{on: func(e progress.Event) {
		if strings.Contains(e.Text, "now") && e.Kind == progress.Log {
			cancel()
		}
	}}
	if _, err := (&Builder{Open: open}).Build(ctx, spec, told); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// cutter is a proxy before the engine's socket that can cut what goes through it.
type cutter struct {
	host  string
	mu    sync.Mutex
	dead  bool
	conns []net.Conn
	watch string // of a request's first line
	limit int    // bytes of the answer, then it cuts
}

func newCutter(t *testing.T) *cutter {
	t.Helper()
	dir, err := os.MkdirTemp("", "s") //nolint:usetesting // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{host: "unix://" + filepath.Join(dir, "s")}
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close(); c.cut(); os.RemoveAll(dir) })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go c.serve(t.Context(), conn)
		}
	}()
	return c
}

func (c *cutter) serve(ctx context.Context, near net.Conn) {
	defer func() { _ = near.Close() }()
	far, err := new(net.Dialer).DialContext(ctx, "unix", strings.TrimPrefix(engineSocket(), "unix://"))
	if err != nil {
		return
	}
	defer func() { _ = far.Close() }()
	c.mu.Lock()
	if c.dead {
		c.mu.Unlock()
		return
	}
	c.conns = append(c.conns, near, far)
	c.mu.Unlock()
	limit := make(chan int, 1)
	go func() {
		block := make([]byte, 64<<10)
		for {
			n, err := near.Read(block)
			if err != nil {
				_ = far.Close()
				return
			}
			c.mu.Lock()
			if c.watch != "" && bytes.Contains(block[:n], []byte(c.watch)) {
				limit <- c.limit
			}
			c.mu.Unlock()
			if _, err := far.Write(block[:n]); err != nil {
				return
			}
		}
	}()
	block := make([]byte, 16<<10)
	for left := -1; left != 0; {
		n, err := far.Read(block)
		if err != nil {
			return
		}
		select {
		case left = <-limit:
		default:
		}
		if left > 0 {
			n = min(n, left)
			left -= n
		}
		if _, err := near.Write(block[:n]); err != nil {
			return
		}
	}
}

func engineSocket() string {
	if host := os.Getenv("DOCKER_HOST"); host != "" {
		return host
	}
	return engine.DefaultHost
}

// cut ends all connections, and those to come.
func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead = true
	for _, conn := range c.conns {
		_ = conn.Close()
	}
}

// cutAfter cuts the answer to a request after so many bytes.
func (c *cutter) cutAfter(_, path string, limit int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watch, c.limit = path, limit
}

func TestContext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"Dockerfile", ".dockerignore", "kept", "gone", "dir/gone", "dir/kept", "deep/a/b"} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(name), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/shadow", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	ignore := []byte("**/gone\nDockerfile\ndeep\n!deep/a/b\n")
	names := func(file *dockerfile) (string, []string) {
		name, write, err := pack(dir, file)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		var all []string
		for r := tar.NewReader(&b); ; {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				slices.Sort(all)
				return name, all
			}
			if err != nil {
				t.Fatal(err)
			}
			if h.Uid != 0 || h.Uname != "" {
				t.Errorf("%s belongs to %d %q", h.Name, h.Uid, h.Uname)
			}
			if h.Name == "link" && (h.Typeflag != tar.TypeSymlink || h.Linkname != "/etc/shadow") {
				t.Errorf("the link is %+v", h)
			}
			all = append(all, h.Name)
		}
	}
	_, got := names(&dockerfile{content: []byte("FROM x"), path: "Dockerfile", ignore: ignore})
	if diff := cmp.Diff([]string{".dockerignore", "Dockerfile", "deep/a/b", "dir/", "dir/kept", "kept", "link"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	name, got := names(&dockerfile{content: []byte("FROM x"), ignore: ignore})
	if !strings.HasPrefix(name, ".plimsoll-") || !slices.Contains(got, name) || slices.Contains(got, "Dockerfile") {
		t.Errorf("%s: %q", name, got)
	}
}

func TestSteps(t *testing.T) {
	t.Parallel()
	d := &dockerfile{content: []byte("ARG A\nFROM a AS x\nRUN one\nFROM x\nRUN two \\\n  more\n")}
	if err := d.parse(build.Spec{DockerfileName: "D"}); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]int{
		"Step 1/5 : ARG A": 1, "Step 3/5 : RUN one": 3, "Step 5/5 : RUN two": 5, "Step 6/5 : x": 0, "Step x": 0,
		"STEP 2/2: RUN one": 3, "[2/2] STEP 2/2: RUN two": 5, "[3/2] STEP 1/1: x": 0, "STEP 99999999999999999999/1: x": 0, "": 0,
	} {
		got, ok := d.step(line)
		if got.at.Line != want || ok != (want > 0) {
			t.Errorf("%q: %+v, %v", line, got, ok)
		}
	}
}

// BuildKit's own parser falls over "# check=" above an instruction.
func TestStepsBelowChecks(t *testing.T) {
	t.Parallel()
	d := &dockerfile{content: []byte("FROM a\n# check=skip=JSONArgsRecommended\nRUN one\n")}
	if err := d.parse(build.Spec{DockerfileName: "D"}); err != nil {
		t.Fatal(err)
	}
	if got, ok := d.step("Step 2/2 : RUN one"); !ok || got.at.Line != 3 {
		t.Errorf("%+v, %v", got, ok)
	}
}

func FuzzHear(f *testing.F) {
	f.Add([]byte(`{"stream":"Step 1/2 : FROM x\n"}{"errorDetail":{"code":1,"message":"x returned a non-zero code: 1"}}`))
	f.Add([]byte(`{"status":"Pulling","id":"a","progressDetail":{"current":1,"total":2}}{"aux":{"ID":"sha256:x"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d := &dockerfile{content: []byte("FROM a\nRUN b\n")}
		if err := d.parse(build.Spec{}); err != nil {
			t.Fatal(err)
		}
		h := &hearer{file: d, sink: progress.Discard}
		err := h.hear(bytes.NewReader(data))
		if h.explain(err, build.Spec{DockerfileName: "D"}) == nil {
			t.Error("no error")
		}
	})
}
