package db

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	ftypes "github.com/aquasecurity/trivy/pkg/fanal/types"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/registry"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy"
	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy/dbbuild"
)

var now = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// built makes a database that was updated at the given time.
func built(t testing.TB, updated time.Time) string {
	t.Helper()
	dir := t.TempDir()
	if err := dbbuild.Build(t.Context(), os.DirFS("../../../../testdata/advisories"), dir, updated); err != nil {
		t.Fatal(err)
	}
	return dir
}

// events is a sink that keeps what it is told.
type events struct {
	mu  sync.Mutex
	all []progress.Event
}

func (e *events) Emit(ev progress.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, ev)
}

func (e *events) texts(kind progress.Kind) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []string
	for _, ev := range e.all {
		if ev.Kind == kind {
			out = append(out, ev.Text)
		}
	}
	return strings.Join(out, "\n")
}

func source() *Source {
	s := New(http.DefaultTransport, nil)
	s.retry = retry{attempts: 3, first: time.Millisecond, longest: 5 * time.Millisecond, idle: 5 * time.Second}
	return s
}

func options(t testing.TB, refs ...string) scan.DatabaseOptions {
	return scan.DatabaseOptions{Repositories: refs, CacheDir: t.TempDir(), Now: now}
}

// mustOpen opens, and checks that the database finds what it should.
func mustOpen(t *testing.T, s *Source, o scan.DatabaseOptions, sink progress.Sink) (scan.Database, []finding.Unread) {
	t.Helper()
	d, unread, err := s.Open(t.Context(), o, sink)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	raw, err := trivy.Detail{Applications: []ftypes.Application{{Type: ftypes.NodePkg, Packages: ftypes.Packages{
		{ID: "lodash@4.17.20", Name: "lodash", Version: "4.17.20", FilePath: "a/package.json"},
	}}}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	found, _, err := d.Match(t.Context(), scan.Inventory{Detail: raw}, image.Image{})
	if err != nil || len(found) != 1 {
		t.Fatalf("found %v, error %v; want lodash", found, err)
	}
	return d, unread
}

func TestOpenFetchesOnce(t *testing.T) {
	m := newMirror(t)
	digest := m.push(t, built(t, now.Add(-time.Hour)))
	o, sink := options(t, m.ref()), &events{}
	d, unread := mustOpen(t, source(), o, sink)
	info := d.Info()
	if info.Source != m.ref() || info.Digest != digest || info.Age != time.Hour || !info.FetchedAt.Equal(now) || len(unread) != 0 {
		t.Errorf("info %+v, unread %v", info, unread)
	}
	var last progress.Event
	for _, e := range sink.all {
		if e.Kind == progress.Count {
			last = e
		}
	}
	if last.Done == 0 || last.Done != last.Total || last.Stage != "database" {
		t.Errorf("last progress %+v", last)
	}
	m.forget()
	mustOpen(t, source(), o, nil)
	if n := m.count("/"); n != 0 {
		t.Errorf("a fresh database was asked for again: %v", m.requests)
	}
	o.Now = now.Add(dbbuild.Validity)
	mustOpen(t, source(), o, nil)
	if m.count("/manifests/") != 1 || m.count("/blobs/") != 0 {
		t.Errorf("the same digest after NextUpdate: %v; want one manifest and no blob", m.requests)
	}
	newer := m.push(t, built(t, now.Add(20*time.Hour)))
	if d, _ := mustOpen(t, source(), o, nil); d.Info().Digest != newer {
		t.Errorf("after an update: %+v, want digest %s", d.Info(), newer)
	}
}

func TestMirrorsInOrderOnAnyError(t *testing.T) {
	good := newMirror(t)
	good.push(t, built(t, now))
	closed := httptest.NewServer(nil)
	refused := strings.TrimPrefix(closed.URL, "http://") + "/aquasec/trivy-db:2"
	closed.Close()
	dir := built(t, now)
	for _, test := range []struct {
		name     string
		spoil    func(http.ResponseWriter, *http.Request, int) bool
		attempts int // requests for the manifest before the next mirror is tried
	}{
		{"401", status(401), 1},
		{"403", status(403), 1},
		{"404", status(404), 1},
		{"429", status(429), 3},
		{"500", status(500), 3},
		{"503", status(503), 3},
		{"hung up", func(http.ResponseWriter, *http.Request, int) bool { panic(http.ErrAbortHandler) }, 3},
		{"no manifest", func(w http.ResponseWriter, r *http.Request, _ int) bool {
			_, _ = io.WriteString(w, "<html>login</html>")
			return true
		}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			bad := newMirror(t)
			bad.push(t, dir)
			bad.answer(test.spoil)
			sink := &events{}
			d, _ := mustOpen(t, source(), options(t, bad.ref(), good.ref()), sink)
			if d.Info().Source != good.ref() {
				t.Errorf("source %q, want the second", d.Info().Source)
			}
			// net/http repeats a request by itself when a kept connection breaks, so there may be more.
			if n := bad.count("/manifests/"); n != test.attempts && (test.name != "hung up" || n < test.attempts) {
				t.Errorf("%d attempts at the first, want %d", n, test.attempts)
			}
			if !strings.Contains(sink.texts(progress.Notice), bad.ref()) {
				t.Errorf("notices %q do not name the mirror that failed", sink.texts(progress.Notice))
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		mustOpen(t, source(), options(t, refused, good.ref()), nil)
	})
	t.Run("no such host", func(t *testing.T) {
		mustOpen(t, source(), options(t, "registry.invalid/trivy-db:2", good.ref()), nil)
	})
}

func TestTransientErrorsAreRetried(t *testing.T) {
	m := newMirror(t)
	m.push(t, built(t, now))
	m.answer(func(w http.ResponseWriter, r *http.Request, n int) bool {
		if n > 2 {
			return false
		}
		w.Header().Set("Retry-After", "3600") // bounded by retry.longest, or this test would not end
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	})
	sink := &events{}
	mustOpen(t, source(), options(t, m.ref()), sink)
	if got := sink.texts(progress.Log); strings.Count(got, "trying again in") != 2 {
		t.Errorf("log %q; want two retries", got)
	}
}

func TestTruncatedAndStalledTransfers(t *testing.T) {
	blob := func(answer func(w http.ResponseWriter, r *http.Request)) func(http.ResponseWriter, *http.Request, int) bool {
		return func(w http.ResponseWriter, r *http.Request, _ int) bool {
			if !strings.Contains(r.URL.Path, "/blobs/") {
				return false
			}
			answer(w, r)
			return true
		}
	}
	for name, spoil := range map[string]func(http.ResponseWriter, *http.Request, int) bool{
		"truncated": blob(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100000")
			_, _ = w.Write([]byte{0x1f, 0x8b, 8, 0})
		}),
		"other bytes": blob(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte("x"), 5000)) }),
		"stalled": blob(func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte{0x1f, 0x8b})
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}),
	} {
		t.Run(name, func(t *testing.T) {
			bad, good := newMirror(t), newMirror(t)
			dir := built(t, now)
			bad.push(t, dir)
			good.push(t, dir)
			bad.answer(spoil)
			s := source()
			s.retry.attempts, s.retry.idle = 2, 200*time.Millisecond
			o := options(t, bad.ref(), good.ref())
			mustOpen(t, s, o, nil)
			if left, _ := filepath.Glob(filepath.Join(o.CacheDir, "db", temporary+"*")); len(left) != 0 {
				t.Errorf("unfinished downloads are left: %v", left)
			}
		})
	}
}

func TestPin(t *testing.T) {
	m := newMirror(t)
	old := m.push(t, built(t, now.Add(-48*time.Hour)))
	current := m.push(t, built(t, now))
	repository := strings.TrimSuffix(m.ref(), ":2")
	o := options(t, m.ref())
	mustOpen(t, source(), o, nil)

	o.Repositories = []string{repository + "@" + old}
	d, _ := mustOpen(t, source(), o, nil)
	if d.Info().Digest != old {
		t.Errorf("pinned %s, opened %s", old, d.Info().Digest)
	}
	m.forget()
	mustOpen(t, source(), o, nil)
	if m.count("/") != 0 {
		t.Errorf("a pinned database was asked for again, though it cannot change: %v", m.requests)
	}
	o.Repositories = []string{repository + ":2@" + current}
	if d, _ := mustOpen(t, source(), o, nil); d.Info().Digest != current {
		t.Errorf("pinned %s, opened %s", current, d.Info().Digest)
	}

	// A registry that gives another manifest than the pinned one.
	m.answer(func(w http.ResponseWriter, r *http.Request, _ int) bool {
		if !strings.Contains(r.URL.Path, "/manifests/") {
			return false
		}
		w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
		_, _ = io.WriteString(w, `{"schemaVersion":2,"layers":[]}`)
		return true
	})
	wrong := options(t, repository+"@"+old)
	if _, _, err := source().Open(t.Context(), wrong, nil); err == nil || !strings.Contains(err.Error(), "does not match") {
		t.Errorf("another digest than the pinned one: %v", err)
	}
}

func TestUnfitArtefacts(t *testing.T) {
	for name, test := range map[string]struct {
		change func(t *testing.T, dir string)
		want   string
	}{
		"schema": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, metadataName), `{"Version":3,"UpdatedAt":"2026-09-01T00:00:00Z"}`)
		}, "schema version 3"},
		"no age": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, metadataName), `{"Version":2}`)
		}, "does not say when"},
		"no database": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, databaseName), strings.Repeat("text\n", 4000))
		}, "damaged or no Trivy database"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMirror(t)
			o := options(t, m.ref())
			m.push(t, built(t, now.Add(-48*time.Hour)))
			mustOpen(t, source(), o, nil)
			dir := built(t, now)
			test.change(t, dir)
			m.push(t, dir)
			sink := &events{}
			d, _ := mustOpen(t, source(), o, sink) // the last good one stays
			if d.Info().Age != 48*time.Hour || !strings.Contains(sink.texts(progress.Notice), test.want) {
				t.Errorf("age %s, notices %q; want the last good one and %q", d.Info().Age, sink.texts(progress.Notice), test.want)
			}
			if m.count("/blobs/") > 2 {
				t.Errorf("what cannot get better was fetched again: %v", m.requests)
			}
			o.CacheDir = t.TempDir()
			if _, _, err := source().Open(t.Context(), o, nil); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), m.ref()) {
				t.Errorf("%v; want %q and the repository", err, test.want)
			}
		})
	}
}

func write(t testing.TB, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCancelled(t *testing.T) {
	m := newMirror(t)
	m.push(t, built(t, now))
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("asked to stop")
	m.answer(func(_ http.ResponseWriter, r *http.Request, _ int) bool {
		cancel(why)
		<-r.Context().Done()
		return true
	})
	o := options(t, m.ref(), m.ref())
	if _, _, err := source().Open(ctx, o, nil); !errors.Is(err, why) {
		t.Errorf("%v, want %v", err, why)
	}
	if n := m.count("/"); n > 1 {
		t.Errorf("went on after being stopped: %v", m.requests)
	}
}

func TestPath(t *testing.T) {
	dir := built(t, now.Add(-time.Hour))
	want, err := hashFile(t.Context(), filepath.Join(dir, databaseName))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(dir, databaseName)} {
		d, _ := mustOpen(t, source(), scan.DatabaseOptions{Path: path, Now: now, Offline: true}, nil)
		if info := d.Info(); info.Source != path || info.Digest != "sha256:"+want.sha256 || info.Age != time.Hour {
			t.Errorf("%+v", info)
		}
	}
	for name, test := range map[string]struct {
		spoil func(dir string) error
		want  string
	}{
		"missing":     {os.RemoveAll, "db-path names a directory"},
		"no metadata": {func(dir string) error { return os.Remove(filepath.Join(dir, metadataName)) }, metadataName},
		"no database": {func(dir string) error { return os.Remove(filepath.Join(dir, databaseName)) }, databaseName},
		"truncated":   {func(dir string) error { return os.Truncate(filepath.Join(dir, databaseName), 20000) }, "it is truncated"},
		"empty":       {func(dir string) error { return os.Truncate(filepath.Join(dir, databaseName), 0) }, "it is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := built(t, now)
			if err := test.spoil(dir); err != nil {
				t.Fatal(err)
			}
			if _, _, err := source().Open(t.Context(), scan.DatabaseOptions{Path: dir, Now: now}, nil); err == nil ||
				!strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("%v; want %q and the path", err, test.want)
			}
		})
	}
}

func TestBadRepository(t *testing.T) {
	if _, _, err := source().Open(t.Context(), options(t, "not a reference"), nil); err == nil || !strings.Contains(err.Error(), `db-repository "not a reference"`) {
		t.Errorf("%v", err)
	}
	if _, _, err := source().Open(t.Context(), options(t), nil); err == nil || !strings.Contains(err.Error(), "no repository is named; set db-repository") {
		t.Errorf("%v", err)
	}
}

// wire is a transport that only keeps which schemes it was asked for.
type wire struct {
	mu      sync.Mutex
	schemes []string
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.schemes = append(w.schemes, r.URL.Scheme)
	return nil, errors.New("no such wire")
}

// TestNoPlainHTTPThroughTheClient asks a private address, for which
// go-containerregistry falls back to plain HTTP.
func TestNoPlainHTTPThroughTheClient(t *testing.T) {
	asked := &wire{}
	client, err := registry.New(registry.Options{Transport: asked})
	if err != nil {
		t.Fatal(err)
	}
	s := New(client.Transport(), client.Keychain())
	s.retry = source().retry
	if _, _, err := s.Open(t.Context(), options(t, "192.168.7.7:5000/aquasec/trivy-db:2"), nil); err == nil {
		t.Error("no error")
	}
	if len(asked.schemes) == 0 || slices.Contains(asked.schemes, "http") {
		t.Errorf("asked over %v, want https only", asked.schemes)
	}
}
