package buildkit

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/build"
)

func TestFailuresOfTheDockerfile(t *testing.T) {
	needRuntime(t)
	host := serveImages(t)
	cache := t.TempDir()
	for name, test := range map[string]struct {
		dockerfile string
		change     func(*build.Spec)
		first      int
		last       int
		step, says string
		log        string
	}{
		"RUN fails": {
			dockerfile: "FROM " + host + "/alpine:3.11\nRUN for i in $(seq 30); do echo line $i; done; \\\n  echo to stderr >&2; exit 7\n",
			first:      2, last: 3, step: "RUN for i in", says: "code 7", log: "line 30",
		},
		"a program is missing": {
			dockerfile: "FROM " + host + "/alpine:3.11\nRUN [\"/no/such/program\"]\n",
			first:      2, last: 2, step: "/no/such/program", says: "code 1",
		},
		"COPY of a missing file": {
			dockerfile: "FROM scratch\nCOPY a \\\n  missing /\n", first: 2, last: 3, step: "COPY a", says: `"/missing" was not found; check`,
		},
		"unknown instruction": {
			dockerfile: "FROM scratch\n\nRUNN x\n", first: 3, last: 3, step: "RUNN x", says: "unknown instruction",
		},
		"unterminated heredoc": {
			dockerfile: "FROM scratch\nCOPY <<A /a\nx\n", first: 2, last: 3, step: "COPY <<A", says: "unterminated heredoc",
		},
		"no FROM":       {dockerfile: "RUN x\n", first: 1, last: 1, step: "RUN x", says: "no build stage"},
		"empty":         {dockerfile: "", says: "empty"},
		"only comments": {dockerfile: "# nothing\n", first: 1, last: 1, says: "no instructions"},
		"unknown target": {
			dockerfile: "FROM scratch AS one\nCOPY a /\n", change: func(s *build.Spec) { s.Target = "two" }, says: "target stage",
		},
		"unknown tag": {
			dockerfile: "FROM scratch\nFROM " + host + "/alpine:9.99\n", first: 2, last: 2, step: "FROM", says: "not found",
		},
		"unknown image": {
			dockerfile: "FROM " + host + "/nothing/here\nRUN true\n", first: 1, last: 1, step: "FROM", says: "not found",
		},
		"bad reference": {dockerfile: "FROM Not:A:Reference\n", first: 1, last: 1, step: "FROM", says: "invalid reference"},
		"missing secret": {
			dockerfile: "FROM " + host + "/alpine:3.11\nRUN --mount=type=secret,id=none,required=true true\n", first: 2, last: 2, step: "RUN --mount", says: "secret none: not found",
		},
		"foreign frontend": {
			dockerfile: "# syntax=" + host + "/some/frontend\nFROM scratch\n", first: 1, last: 1, step: "# syntax", says: "cannot be used",
		},
	} {
		t.Run(name, func(t *testing.T) {
			spec := specFor(t, tree(t, "-- Dockerfile --\n"+test.dockerfile+"-- a --\nx\n"))
			if test.dockerfile == "" {
				if err := os.WriteFile(filepath.Join(spec.Context, "Dockerfile"), nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			spec.CacheDir = cache
			if test.change != nil {
				test.change(&spec)
			}
			_, err := (&Embedded{}).Build(t.Context(), spec, nil)
			var failed *build.FailedError
			if !errors.As(err, &failed) {
				t.Fatalf("got %T %v, want *build.FailedError", err, err)
			}
			at := failed.Location
			if at.Path != "app/Dockerfile" || at.Line != test.first || at.EndLine != test.last {
				t.Errorf("at %+v, want lines %d to %d", at, test.first, test.last)
			}
			if !strings.Contains(failed.Step, test.step) || !strings.Contains(failed.Error(), test.says) {
				t.Errorf("step %q: %v; want %q and %q", failed.Step, failed, test.step, test.says)
			}
			if len(failed.Log) > maxLog || !strings.Contains(strings.Join(failed.Log, "\n"), test.log) {
				t.Errorf("log %q", failed.Log)
			}
			t.Logf("%s:%d-%d %q: %v %q", at.Path, at.Line, at.EndLine, failed.Step, failed, failed.Log)
			if _, err := os.Stat(spec.Output); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("there is an output: %v", err)
			}
			nothingMounted(t, spec.CacheDir)
		})
	}
}

func TestFailuresOfTheRegistry(t *testing.T) {
	needMounts(t)
	answer := func(status int, header ...string) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
		}))
		t.Cleanup(server.Close)
		return strings.TrimPrefix(server.URL, "http://")
	}
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	cache := t.TempDir()
	for name, test := range map[string]struct{ host, says string }{
		"unreachable":  {strings.TrimPrefix(closed.URL, "http://"), "connection refused"},
		"unauthorized": {answer(401, "WWW-Authenticate", `Basic realm="x"`), ""},
		"forbidden":    {answer(403), "403"},
		"too many":     {answer(429), "429"},
		"broken":       {answer(500), "500"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, dockerfile := range []string{
				"FROM " + test.host + "/alpine:3.11\n",
				"FROM scratch\nCOPY --from=" + test.host + "/alpine:3.11 /etc /etc\n",
				"FROM " + test.host + "/alpine@sha256:" + strings.Repeat("a", 64) + "\n",
			} {
				spec := specFor(t, tree(t, "-- Dockerfile --\n"+dockerfile))
				spec.CacheDir = cache
				began := time.Now()
				_, err := (&Embedded{}).Build(t.Context(), spec, nil)
				var failed *build.FailedError
				if err == nil || errors.As(err, &failed) {
					t.Fatalf("%s: got %T %v, want an ordinary error", dockerfile, err, err)
				}
				if !strings.Contains(err.Error(), test.host) || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), "; check") {
					t.Errorf("the error does not name %s and what to do: %v", test.host, err)
				}
				t.Logf("%s %v", time.Since(began).Round(time.Millisecond), err)
			}
		})
	}
}

// TestRegistryThatDies answers for manifests and not for layers. BuildKit tries
// three more times, for 7 seconds.
func TestRegistryThatDies(t *testing.T) {
	needMounts(t)
	upstream, err := url.Parse("http://" + serveImages(t))
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(upstream) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The config is a small blob, and read first.
		if strings.Contains(r.URL.Path, "/blobs/") && !strings.HasSuffix(r.URL.Path, alpineConfig) {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	spec := specFor(t, tree(t, "-- Dockerfile --\nFROM "+host+"/alpine:3.11\nCOPY . /\n"))
	_, err = (&Embedded{}).Build(t.Context(), spec, nil)
	var failed *build.FailedError
	if err == nil || errors.As(err, &failed) || !strings.Contains(err.Error(), host) || !strings.Contains(err.Error(), "502") {
		t.Errorf("got %T %v, want an ordinary error that names %s", err, err, host)
	}
	nothingMounted(t, spec.CacheDir)
}

// TestFailuresOfADownload has ADD read from a server: one that is not there is not
// the Dockerfile's fault, a file that is not there is.
func TestFailuresOfADownload(t *testing.T) {
	needMounts(t)
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for from, fault := range map[string]bool{server.URL: true, closed.URL: false} {
		spec := specFor(t, tree(t, "-- Dockerfile --\nFROM scratch\nADD "+from+"/file /\n"))
		_, err := (&Embedded{}).Build(t.Context(), spec, nil)
		var failed *build.FailedError
		if err == nil || errors.As(err, &failed) != fault {
			t.Errorf("%s: got %v, at fault should be %v", from, err, fault)
		}
		if fault && failed.Location.Line != 2 {
			t.Errorf("at %+v, want line 2", failed.Location)
		}
	}
}

// alpineConfig ends the digest of the config of Trivy's Alpine 3.11.
const alpineConfig = "409c9289419ddb72"

// TestRuntimeThatFails has a runtime that starts nothing: not the Dockerfile's fault.
func TestRuntimeThatFails(t *testing.T) {
	needMounts(t)
	program := filepath.Join(t.TempDir(), "runc")
	script := "#!/bin/sh\ncase \"$*\" in\n*--help*) echo ' --keep' ;;\n*' run '*) echo 'runc run failed: unable to start container process: error during container init: error mounting \"proc\" to rootfs: operation not permitted' >&2; exit 1 ;;\nesac\n"
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	spec := specFor(t, tree(t, "-- Dockerfile --\nFROM "+serveImages(t)+"/alpine:3.11\nRUN true\n"))
	_, err := (&Embedded{Runtime: program}).Build(t.Context(), spec, nil)
	var failed *build.FailedError
	if err == nil || errors.As(err, &failed) || !strings.Contains(err.Error(), "operation not permitted; check the container runtime") {
		t.Errorf("got %T %v, want an ordinary error", err, err)
	}
	nothingMounted(t, spec.CacheDir)
}

func TestFailuresBeforeBuilding(t *testing.T) {
	dir := tree(t, "-- Dockerfile --\nFROM scratch\n-- full/file --\nx\n")
	for name, test := range map[string]struct {
		change func(*build.Spec)
		says   string
	}{
		"no Dockerfile":   {func(s *build.Spec) { s.Dockerfile = "other" }, filepath.Join(dir, "other")},
		"a directory":     {func(s *build.Spec) { s.Dockerfile = "full" }, "full"},
		"no context":      {func(s *build.Spec) { s.Context = filepath.Join(dir, "none") }, "none"},
		"context a file":  {func(s *build.Spec) { s.Context = filepath.Join(dir, "Dockerfile") }, "not a directory"},
		"output not free": {func(s *build.Spec) { s.Output = filepath.Join(dir, "full") }, "not empty"},
		"two platforms":   {func(s *build.Spec) { s.Platform = "linux/amd64,linux/arm64" }, "one platform"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := specFor(t, dir)
			test.change(&spec)
			_, err := (&Embedded{}).Build(t.Context(), spec, nil)
			var failed *build.FailedError
			if err == nil || errors.As(err, &failed) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %T %v, want an ordinary error with %q", err, err, test.says)
			}
		})
	}
}
