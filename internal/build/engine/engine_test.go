package engine

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/build"
)

// listen makes a socket and hands its connections to serve.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "s") //nolint:usetesting // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	return "unix://" + path
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "stale")})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	_ = stale.Close()
	silent := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	other := listen(t, func(c net.Conn) {
		_, _ = io.WriteString(c, "220 mail.example ESMTP\r\n")
		_ = c.Close()
	})
	for host, want := range map[string]string{
		"unix://" + dir:                         "is a directory and not a socket",
		"unix://" + file:                        "is not a socket",
		"unix://" + filepath.Join(dir, "x"):     "there is no socket at",
		"unix://" + filepath.Join(dir, "stale"): "nobody answers at",
		silent:                                  "did not answer within",
		other:                                   "not an engine that can be used",
		"tcp://127.0.0.1:1":                     "nobody answers at",
		"tcp://127.0.0.1":                       "has no port",
		"ssh://me@example":                      "only unix and tcp",
		"nonsense":                              "is no endpoint",
	} {
		began := time.Now()
		_, err := Open(t.Context(), Options{Getenv: func(name string) string { return map[string]string{"DOCKER_HOST": host}[name] }, Patience: time.Second})
		var unavailable *build.UnavailableError
		if !errors.As(err, &unavailable) || !strings.Contains(unavailable.Cause, want) || len(unavailable.WaysOut) == 0 {
			t.Errorf("%s: got %v, want %q", host, err, want)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s: it took %s", host, took)
		}
	}
}

func TestOpenWithoutPermission(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("root is permitted everything; run: go test ./internal/build/engine, as another user")
	}
	host := listen(t, func(c net.Conn) { _ = c.Close() })
	if err := os.Chmod(strings.TrimPrefix(host, "unix://"), 0); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), Options{Host: host})
	var unavailable *build.UnavailableError
	if !errors.As(err, &unavailable) || !strings.Contains(unavailable.Cause, "not permitted") {
		t.Errorf("got %v", err)
	}
}

func TestOpenTells(t *testing.T) {
	t.Parallel()
	var nothing context.CancelFunc
	ctx, nothing := context.WithCancel(t.Context())
	nothing()
	_, err := Open(ctx, Options{Host: listen(t, func(net.Conn) {})})
	var unavailable *build.UnavailableError
	if !errors.Is(err, context.Canceled) || errors.As(err, &unavailable) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
}

func TestLazily(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x")
	open := Lazily(Options{Host: "unix://" + path})
	_, first := open(t.Context())
	_, second := open(t.Context())
	if first == nil || !errors.Is(second, first) {
		t.Errorf("got %v, then %v", first, second)
	}
}

// An engine that agrees to nothing: no BuildKit.
func TestEngineWithoutBuildKit(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/_ping", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.41") })
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"message":"page not found"}`)
	})
	e, err := Open(t.Context(), Options{Host: serve(t, mux)})
	if err != nil {
		t.Fatal(err)
	}
	var unavailable *build.UnavailableError
	if err := e.HasBuildKit(t.Context()); !errors.As(err, &unavailable) || !strings.Contains(unavailable.Cause, "page not found") {
		t.Errorf("got %v", err)
	}
}

func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "s") //nolint:usetesting // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return "unix://" + filepath.Join(dir, "s")
}

func TestAPIThatIsTooOld(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/_ping", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.30") })
	_, err := Open(t.Context(), Options{Host: serve(t, mux)})
	var unavailable *build.UnavailableError
	if !errors.As(err, &unavailable) || !strings.Contains(unavailable.Cause, "1.30") {
		t.Errorf("got %v, want the version", err)
	}
}

func TestHijackIsBounded(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/_ping", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.41") })
	mux.HandleFunc("/grpc", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	e, err := Open(t.Context(), Options{Host: serve(t, mux), Patience: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.HasBuildKit(t.Context()); err == nil || !strings.Contains(err.Error(), "did not answer within") {
		t.Errorf("got %v", err)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	a, b := NewName(), NewName()
	if a == b {
		t.Error("two names are the same")
	}
	if at, ok := made(a); !ok || time.Since(at) > time.Minute {
		t.Errorf("%s was made at %v", a, at)
	}
	for _, other := range []string{"plimsoll-build", "plimsoll-build-x", "nginx:1", "plimsoll-build-!-x:1"} {
		if _, ok := made(other); ok {
			t.Errorf("%s is taken for ours", other)
		}
	}
}
