package buildkit

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

// guarded serves what a host serves, to whoever knows the password.
func guarded(t testing.TB, host string) string {
	t.Helper()
	upstream, err := url.Parse("http://" + host)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(upstream); r.Out.Host = r.In.Host }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte("someone:s3cret")) {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// TestCachesCarryOver builds on one empty machine, and again on another with the
// first one's cache.
func TestCachesCarryOver(t *testing.T) {
	needRuntime(t)
	host := serveImages(t)
	private, local := guarded(t, host), t.TempDir()
	dir := tree(t, "-- Dockerfile --\nFROM "+host+"/alpine:3.11 AS base\nRUN cat /proc/sys/kernel/random/uuid > /x\nFROM base\nRUN cat /proc/sys/kernel/random/uuid > /y\n")
	known := func(host string) (string, string, error) {
		if host == private {
			return "someone", "s3cret", nil
		}
		return "", "", nil
	}
	for name, test := range map[string]struct {
		builder  builder
		to, from string
	}{
		"registry":                      {&Embedded{}, "type=registry,mode=max,ref=" + host + "/cache:registry", "type=registry,ref=" + host + "/cache:registry"},
		"a bare reference":              {&Embedded{}, host + "/cache:bare", host + "/cache:bare"},
		"a registry with a password":    {&Embedded{Credentials: known}, "type=registry,mode=max,ref=" + private + "/cache:private", private + "/cache:private"},
		"a directory":                   {&Embedded{}, "type=local,mode=max,dest=" + local, "type=local,src=" + local},
		"none":                          {&Embedded{}, "", ""}, // shows that the test can tell
		"a registry, by another stream": {beside(t), "type=registry,mode=max,ref=" + host + "/cache:beside", host + "/cache:beside"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := specFor(t, dir)
			spec.CacheTo = []string{test.to}
			first := through(t, test.builder, spec)

			again := specFor(t, dir)
			again.CacheFrom = []string{test.from}
			sink := &heard{}
			second, err := test.builder.Build(t.Context(), again, sink)
			if err != nil {
				t.Fatal(err)
			}
			// A step that ran again has written another file.
			if a, b := readConfig(t, first).RootFS.DiffIDs, readConfig(t, second).RootFS.DiffIDs; slices.Equal(a, b) != (test.from != "") {
				t.Errorf("layers were %v and are %v; the steps:\n%s", a, b, sink.text(progress.Step))
			}
		})
	}
}

// TestActionsCache speaks to a service that refuses everything: the token reaches
// it, and nobody else.
func TestActionsCache(t *testing.T) {
	needRuntime(t)
	var mu sync.Mutex
	var paths []string
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.Header.Get("Authorization") == "Bearer "+jobToken {
			paths = append(paths, r.URL.Path)
		}
		http.Error(w, "no: "+r.Header.Get("Authorization"), http.StatusForbidden)
	}))
	defer service.Close()
	env := map[string]string{"ACTIONS_RESULTS_URL": service.URL + "/", "ACTIONS_RUNTIME_TOKEN": jobToken, "ACTIONS_CACHE_SERVICE_V2": "true"}
	spec := specFor(t, tree(t, "-- Dockerfile --\nFROM "+serveImages(t)+"/alpine:3.11\nRUN echo x > /x\n"))
	spec.CacheFrom, spec.CacheTo = []string{"type=gha,scope=app"}, []string{"type=gha,scope=app,mode=max"}

	sink := &heard{}
	_, err := (&Embedded{Actions: ActionsFrom(func(name string) string { return env[name] })}).Build(t.Context(), spec, sink)
	if err == nil {
		t.Error("a cache that refuses to be written went unsaid")
	}
	t.Log(err)
	if _, failed := errors.AsType[*build.FailedError](err); failed {
		t.Error("the Dockerfile is blamed")
	}
	all := err.Error() + sink.text(progress.Log) + sink.text(progress.Step) + sink.text(progress.Notice)
	if strings.Contains(all, jobToken) {
		t.Errorf("the token was told:\n%s", all)
	}
	if len(paths) == 0 {
		t.Error("nobody asked the service with the token")
	}

	spec.Output = filepath.Join(t.TempDir(), "layout")
	sink = &heard{}
	result, err := (&Embedded{}).Build(t.Context(), spec, sink)
	if err != nil {
		t.Fatal(err)
	}
	if notes := strings.Join(result.Notes, "\n"); !strings.Contains(notes, "gave no ACTIONS_RUNTIME_TOKEN") || !strings.Contains(sink.text(progress.Notice), "ACTIONS_RUNTIME_TOKEN") {
		t.Errorf("notes %q", notes)
	}
}

func TestContextsThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for value, says := range map[string]string{
		"/no/such/directory": "no such file", "ftp://x": "not a kind of context", "oci-layout:///no/such": "no such file",
	} {
		spec := specFor(t, tree(t, "-- Dockerfile --\nFROM scratch\nCOPY . /\n"))
		spec.Contexts = map[string]string{"extra": value}
		_, err := (&Embedded{}).Build(t.Context(), spec, nil)
		if usage, ok := errors.AsType[*config.UsageError](err); !ok || usage.Where != inputContexts || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v", value, err)
		}
	}
}

// TestContextFromALayout builds on an image that lies beside, as another build left it.
func TestContextFromALayout(t *testing.T) {
	needRuntime(t)
	base := through(t, &Embedded{}, specFor(t, tree(t, "-- Dockerfile --\nFROM "+serveImages(t)+"/alpine:3.11\nRUN echo base > /base\n")))
	spec := specFor(t, tree(t, "-- Dockerfile --\nFROM base\nRUN cat /base\n"))
	spec.Contexts = map[string]string{"base": "oci-layout://" + base.Layout}
	got := through(t, &Embedded{}, spec)
	if got.BaseLayers != 2 || len(got.Layers) < 2 {
		t.Errorf("%d layers of the base, and %v", got.BaseLayers, got.Layers)
	}
}
