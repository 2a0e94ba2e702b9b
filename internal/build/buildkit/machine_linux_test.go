package buildkit

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

// runChild builds in another process and returns what it wrote.
func runChild(t *testing.T, spec build.Spec, change func(*exec.Cmd)) (stdout, stderr string, code int) {
	t.Helper()
	raw, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), childSpec+"="+string(raw))
	var out, bad bytes.Buffer
	command.Stdout, command.Stderr = &out, &bad
	change(command)
	err = command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), bad.String(), command.ProcessState.ExitCode()
}

func TestBuildWithoutANetwork(t *testing.T) {
	needMounts(t)
	collector, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer collector.Close()
	go func() {
		for {
			conn, err := collector.Accept()
			if err != nil {
				return
			}
			t.Error("the build sent telemetry")
			_ = conn.Close() // that it came at all is the defect
		}
	}()
	spec := specFor(t, tree(t, "-- Dockerfile --\n# syntax=docker/dockerfile:1.7-labs\nFROM scratch\nCOPY . /\n"))
	for name, attributes := range map[string]*syscall.SysProcAttr{
		"telemetry asked for": nil,
		"no network at all":   {Cloneflags: syscall.CLONE_NEWNET},
	} {
		spec.Output = filepath.Join(t.TempDir(), "layout")
		stdout, stderr, code := runChild(t, spec, func(c *exec.Cmd) {
			c.SysProcAttr = attributes
			for _, variable := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "JAEGER_TRACE", "HTTP_PROXY", "HTTPS_PROXY"} {
				c.Env = append(c.Env, variable+"=http://"+collector.Addr().String())
			}
		})
		if code != 0 || stderr != "" {
			t.Errorf("%s: exit %d, standard error %q\n%s", name, code, stderr, stdout)
		}
	}
}

func TestNothingForeignOnStandardError(t *testing.T) {
	needRuntime(t)
	host := serveImages(t)
	spec := specFor(t, tree(t, "-- Dockerfile --\nFROM "+host+"/alpine:3.11\nRUN ls /missing; exit 3\n"))
	stdout, stderr, code := runChild(t, spec, func(*exec.Cmd) {})
	if code != 1 || stderr != "" || !strings.Contains(stdout, "exited with code 3") {
		t.Errorf("exit %d, standard error %q\n%s", code, stderr, stdout)
	}
}

func TestWithoutTheRightToMount(t *testing.T) {
	needMounts(t)
	if os.Getuid() != 0 {
		t.Skip("becoming another user needs root; run: sudo -E go test ./internal/build/buildkit")
	}
	dir, err := os.MkdirTemp("/tmp", "plimsoll-test-") //nolint:usetesting // another user cannot enter what lies below t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	program := filepath.Join(dir, "child")
	raw, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.WriteFile(program, raw, 0o755), os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nCOPY . /\n"), 0o644),
		os.Chmod(dir, 0o755), os.Mkdir(filepath.Join(dir, "own"), 0o700), os.Chown(filepath.Join(dir, "own"), 65534, 65534),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	spec := build.Spec{Context: dir, Dockerfile: "Dockerfile", DockerfileName: "Dockerfile", Output: filepath.Join(dir, "own", "layout"), CacheDir: filepath.Join(dir, "own", "cache")}
	stdout, stderr, code := runChild(t, spec, func(c *exec.Cmd) {
		c.Path = program
		c.Dir = dir
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	})
	if code != 1 || stderr != "" || !strings.Contains(stdout, "embedded builder cannot run here: mounting is not permitted") {
		t.Errorf("exit %d, standard error %q\n%s", code, stderr, stdout)
	}
}

func TestWithoutARuntime(t *testing.T) {
	needMounts(t)
	host := serveImages(t)
	t.Setenv("PATH", t.TempDir())
	capability, err := new(Embedded).Probe(t.Context())
	if err != nil || capability.Runtime != "" || !strings.Contains(capability.String(), "neither runc nor crun") {
		t.Errorf("probe: %v, %v", capability, err)
	}
	spec := specFor(t, tree(t, "-- Dockerfile --\nFROM "+host+"/alpine:3.11 AS copy\nCOPY . /\nFROM copy\nRUN true\n"))
	spec.Target = "copy"
	mustBuild(t, &Embedded{}, spec)

	spec.Target, spec.Output = "", filepath.Join(t.TempDir(), "layout")
	_, err = (&Embedded{}).Build(t.Context(), spec, nil)
	var unavailable *build.UnavailableError
	if !errors.As(err, &unavailable) || !strings.Contains(unavailable.Cause, "runc") || !strings.Contains(strings.Join(unavailable.WaysOut, " "), "apt-get install runc") {
		t.Errorf("got %v, want *build.UnavailableError that names runc", err)
	}
	old := filepath.Join(t.TempDir(), "crun")
	if err := os.WriteFile(old, []byte("#!/bin/sh\necho ' --bundle=DIR  container bundle'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if capability, err := (&Embedded{Runtime: old}).Probe(t.Context()); err != nil || capability.Runtime != "" || !strings.Contains(capability.Missing, "too old") {
		t.Errorf("an old runtime: %+v, %v", capability, err)
	}
	if _, err := (&Embedded{Runtime: "/no/such/runc"}).Probe(t.Context()); err == nil {
		t.Error("a runtime that is named and missing went unsaid")
	}
}

// TestNativeSnapshotter builds on a file system that overlayfs cannot stand on.
func TestNativeSnapshotter(t *testing.T) {
	needRuntime(t)
	host := serveImages(t)
	dir := t.TempDir()
	var parts []string
	for _, name := range []string{"lower", "upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		parts = append(parts, name+"dir="+filepath.Join(dir, name))
	}
	merged := filepath.Join(dir, "merged")
	if err := unix.Mount("overlay", merged, "overlay", 0, strings.Join(parts[:3], ",")); err != nil {
		t.Skipf("mounting an overlay: %v", err)
	}
	t.Cleanup(func() {
		// BuildKit leaves closing some files to the garbage collector.
		var err error
		for range 20 {
			runtime.GC()
			if err = unix.Unmount(merged, 0); err == nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Error(err)
	})
	spec := specFor(t, tree(t, "-- Dockerfile --\nFROM "+host+"/alpine:3.11\nRUN echo x > /x\nCOPY . /app/\n"))
	spec.CacheDir = filepath.Join(merged, "cache")
	sink := &heard{}
	result, err := (&Embedded{}).Build(t.Context(), spec, sink)
	if err != nil {
		t.Fatal(err)
	}
	failing := specFor(t, tree(t, "-- Dockerfile --\nFROM "+host+"/alpine:3.11\nRUN false\n"))
	failing.CacheDir = spec.CacheDir
	if _, err := (&Embedded{}).Build(t.Context(), failing, nil); err == nil {
		t.Error("a failing step built")
	}
	if !strings.Contains(result.Detail, "native") {
		t.Errorf("detail is %q, want the native snapshotter", result.Detail)
	}
	if want := []int{0, 2, 3}; len(result.Layers) != 3 || lines(result)[1] != want[1] {
		t.Errorf("layers are at %v, want %v", lines(result), want)
	}
}

func TestCredentials(t *testing.T) {
	needMounts(t)
	upstream, err := url.Parse("http://" + serveImages(t))
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(upstream) }}
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("someone:s3cret"))
	for name, challenge := range map[string]string{"basic": "Basic realm=\"x\"", "bearer": "Bearer realm=\"http://%/token\",service=\"x\""} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm()
				switch got := r.Header.Get("Authorization"); {
				case r.URL.Path == "/token" && (got == basic || r.Form.Get("username") == "someone" && r.Form.Get("password") == "s3cret"):
					_, _ = w.Write([]byte(`{"token":"abc","access_token":"abc"}`))
				case got == basic && name == "basic", got == "Bearer abc":
					proxy.ServeHTTP(w, r)
				default:
					w.Header().Set("WWW-Authenticate", strings.ReplaceAll(challenge, "%", r.Host))
					w.WriteHeader(http.StatusUnauthorized)
				}
			}))
			defer server.Close()
			host := strings.TrimPrefix(server.URL, "http://")
			spec := specFor(t, tree(t, "-- Dockerfile --\nFROM "+host+"/alpine:3.11\nCOPY . /\n"))
			var asked sync.Map
			mustBuild(t, &Embedded{Credentials: func(host string) (string, string, error) {
				asked.Store(host, true)
				return "someone", "s3cret", nil
			}}, spec)
			if _, ok := asked.Load(host); !ok {
				t.Errorf("nobody asked for the credentials of %s", host)
			}
			spec.Output, spec.CacheDir = filepath.Join(t.TempDir(), "layout"), t.TempDir()
			_, err := (&Embedded{Credentials: func(string) (string, string, error) { return "", "", errors.New("the credential store is broken") }}).Build(t.Context(), spec, nil)
			var failed *build.FailedError
			if err == nil || errors.As(err, &failed) || !strings.Contains(err.Error(), host) {
				t.Errorf("got %v, want an ordinary error that names %s", err, host)
			}
			t.Log(err)
		})
	}
}

func TestProgress(t *testing.T) {
	needRuntime(t)
	host := serveImages(t)
	spec := specFor(t, tree(t, "-- Dockerfile --\nFROM "+host+"/alpine:3.11\nRUN printf 'one\\ntwo\\rthree\\n'; printf four\n"))
	for _, want := range []string{"DONE", "CACHED"} {
		sink := &heard{}
		spec.Output = filepath.Join(t.TempDir(), "layout")
		if _, err := (&Embedded{}).Build(t.Context(), spec, sink); err != nil {
			t.Fatal(err)
		}
		var begun, ended bool
		for _, e := range sink.events {
			if e.Stage != "build" {
				t.Errorf("stage %q", e.Stage)
			}
			if e.Kind == progress.Step && strings.HasPrefix(e.Text, "[2/2] RUN printf") {
				begun = begun || e.Elapsed == 0
				ended = ended || e.Elapsed > 0 && strings.HasSuffix(e.Text, want)
			}
		}
		if !begun || !ended {
			t.Errorf("no step began and ended %s:\n%s", want, sink.text(progress.Step))
		}
		if log := sink.text(progress.Log); want == "DONE" && log != "one\nthree\nfour\n" {
			t.Errorf("log is %q", log)
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	needMounts(b)
	spec := specFor(b, tree(b, "-- Dockerfile --\nFROM scratch\nCOPY . /\nUSER 65532\n-- file --\n"+strings.Repeat("x", 1<<16)+"\n"))
	run := func(b *testing.B, cacheDir func() string) {
		b.ReportAllocs()
		for b.Loop() {
			spec.CacheDir, spec.Output = cacheDir(), filepath.Join(b.TempDir(), "layout")
			if _, err := (&Embedded{}).Build(b.Context(), spec, nil); err != nil {
				b.Fatal(err)
			}
		}
	}
	warm := b.TempDir()
	b.Run("cold", func(b *testing.B) { run(b, b.TempDir) })
	b.Run("warm", func(b *testing.B) { run(b, func() string { return warm }) })
}
