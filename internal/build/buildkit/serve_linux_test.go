package buildkit

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/build/buildkit/controller"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

// childServe names the variable that makes this program a builder on its standard
// input and output, with its cache in the directory that it names.
const childServe = "PLIMSOLL_TEST_SERVE"

func serveChild(cacheDir string) int {
	err := controller.Serve(context.Background(), stdio{}, controller.Options{CacheDir: cacheDir})
	if err != nil {
		_, _ = io.WriteString(os.Stderr, err.Error()+"\n")
		return 1
	}
	return 0
}

// stdio is the two ends of a program as one stream.
type stdio struct{ net.Conn }

func (stdio) Read(p []byte) (int, error)  { return os.Stdin.Read(p) }
func (stdio) Write(p []byte) (int, error) { return os.Stdout.Write(p) }
func (stdio) Close() error                { return errors.Join(os.Stdin.Close(), os.Stdout.Close()) }
func (stdio) LocalAddr() net.Addr         { return &net.UnixAddr{} }
func (stdio) RemoteAddr() net.Addr        { return &net.UnixAddr{} }

func (stdio) SetDeadline(time.Time) error      { return nil }
func (stdio) SetReadDeadline(time.Time) error  { return nil }
func (stdio) SetWriteDeadline(time.Time) error { return nil }

// piped is a program's standard input and output as one stream, and the program.
type piped struct {
	stdio
	io.Reader
	io.WriteCloser
	program *exec.Cmd
}

func (p *piped) Read(b []byte) (int, error)  { return p.Reader.Read(b) }
func (p *piped) Write(b []byte) (int, error) { return p.WriteCloser.Write(b) }
func (p *piped) Close() error                { return p.WriteCloser.Close() }

// startBeside starts this program as a builder of its own.
func startBeside(t testing.TB, cacheDir string) *piped {
	t.Helper()
	p := &piped{program: exec.Command(os.Args[0])}
	p.program.Env = append(os.Environ(), childServe+"="+cacheDir)
	p.program.Stderr = os.Stderr
	p.program.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := p.program.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.WriteCloser, p.Reader = in, out
	if err := p.program.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// beside is a builder that runs in another process, reached through one stream.
func beside(t testing.TB) *Builder {
	t.Helper()
	return &Builder{Door: build.DoorSibling, Connect: func(_ context.Context, spec build.Spec, _ progress.Sink) (*build.Connection, error) {
		p := startBeside(t, spec.CacheDir)
		return &build.Connection{
			Dial:       func(context.Context) (net.Conn, error) { return p, nil },
			Close:      func() error { _ = p.Close(); return p.program.Wait() },
			CacheLimit: DefaultCacheLimit,
		}, nil
	}}
}

func TestServeKeepsItsCacheAndLeavesNothing(t *testing.T) {
	needRuntime(t)
	b := beside(t)
	spec := specFor(t, tree(t, "-- Dockerfile --\nFROM "+serveImages(t)+"/alpine:3.11\nRUN echo x > /x\n"))
	for _, want := range []string{"DONE", "CACHED"} {
		sink := &heard{}
		spec.Output = filepath.Join(t.TempDir(), "layout")
		result, err := b.Build(t.Context(), spec, sink)
		if err != nil {
			t.Fatal(err)
		}
		if steps := sink.text(progress.Step); !strings.Contains(steps, "RUN echo x > /x "+want) {
			t.Errorf("want the step %s:\n%s", want, steps)
		}
		if !strings.Contains(result.Detail, "runc") {
			t.Errorf("detail is %q", result.Detail)
		}
		nothingMounted(t, spec.CacheDir)
	}
}

// TestServeEndsWithItsClient cuts the stream while a step runs.
func TestServeEndsWithItsClient(t *testing.T) {
	needRuntime(t)
	mark := "38571"
	spec := specFor(t, sleeper(t, serveImages(t), mark))
	p := startBeside(t, spec.CacheDir)
	b := &Builder{Door: build.DoorSibling, Connect: func(context.Context, build.Spec, progress.Sink) (*build.Connection, error) {
		return &build.Connection{Dial: func(context.Context) (net.Conn, error) { return p, nil }, Why: func() string { return "said\n" }}, nil
	}}
	sink := &heard{on: func(e progress.Event) {
		if e.Kind == progress.Log && e.Text == "begun" {
			_ = p.Close()
		}
	}}
	_, err := b.Build(withTimeout(t, time.Minute), spec, sink)
	if _, failed := errors.AsType[*build.FailedError](err); err == nil || failed || !strings.Contains(err.Error(), "stopped half-way (said)") {
		t.Errorf("got %v", err)
	}
	if err := p.program.Wait(); err != nil {
		t.Errorf("the builder ended with %v", err)
	}
	if sleeping(t, mark) {
		t.Error("the container outlived the builder")
	}
	nothingMounted(t, spec.CacheDir)
}

// TestServeEndsWithItsContext asks for the end from the builder's side.
func TestServeEndsWithItsContext(t *testing.T) {
	needMounts(t)
	ctx, cancel := context.WithCancel(t.Context())
	ours, theirs := net.Pipe()
	ended := make(chan error, 1)
	cacheDir := t.TempDir()
	go func() { ended <- controller.Serve(ctx, theirs, controller.Options{CacheDir: cacheDir}) }()
	b := &Builder{Door: build.DoorSibling, Connect: func(context.Context, build.Spec, progress.Sink) (*build.Connection, error) {
		return &build.Connection{Dial: func(context.Context) (net.Conn, error) { return ours, nil }}, nil
	}}
	if _, _, err := b.reach(t.Context(), &build.Connection{Dial: func(context.Context) (net.Conn, error) { return ours, nil }}); err != nil {
		t.Fatal(err)
	}
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it serves on")
	}
	nothingMounted(t, cacheDir)
}
