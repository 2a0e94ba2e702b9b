package gha_test

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/plimsoll-ci/plimsoll/internal/cache"
	"github.com/plimsoll-ci/plimsoll/internal/cache/gha/ghatest"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy/db"
	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy/dbbuild"
)

func timeout(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), 2*time.Second)
}

var now = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// origin serves a small database, and counts who asks.
func origin(t testing.TB, updated time.Time) (ref string, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	if err := dbbuild.Build(t.Context(), os.DirFS("../../../testdata/advisories"), dir, updated); err != nil {
		t.Fatal(err)
	}
	ref = strings.TrimPrefix(server.URL, "http://") + "/aquasec/trivy-db:2"
	if _, err := dbbuild.Push(t.Context(), dir, ref); err != nil {
		t.Fatal(err)
	}
	asked.Store(0)
	return ref, asked
}

var everything = cache.Access{Read: true, Write: true, Database: true}

// run is one job on an empty machine: it opens the database, and keeps it. It
// returns the digest that decided and what went wrong.
func run(t testing.TB, store cache.Store, access cache.Access, o scan.DatabaseOptions) (digest string, trouble []string) {
	t.Helper()
	kept := cache.New(store, access, t.TempDir())
	databases := kept.Keep(db.New(http.DefaultTransport, nil))
	if o.CacheDir == "" {
		o.CacheDir = t.TempDir()
	}
	opened, _, err := databases.Open(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	digest = opened.Info().Digest
	if err := opened.Close(); err != nil {
		t.Fatal(err)
	}
	databases.Save(t.Context())
	if left, _ := filepath.Glob(filepath.Join(o.CacheDir, "db", "tmp-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	return digest, kept.Trouble()
}

func TestDatabaseOfTheNextRunner(t *testing.T) {
	t.Parallel()
	s := start(t)
	ref, asked := origin(t, now.Add(-time.Hour))
	o := scan.DatabaseOptions{Repositories: []string{ref}, Now: now, MaxAge: 72 * time.Hour}
	first, trouble := run(t, job(t, s, onMain...), everything, o)
	if asked.Swap(0) == 0 || len(trouble) != 0 || len(s.Keys()) != 1 {
		t.Fatalf("nothing was fetched or kept: %q, %q", s.Keys(), trouble)
	}
	second, trouble := run(t, job(t, s, onPull...), everything, o)
	if second != first || asked.Load() != 0 || len(trouble) != 0 {
		t.Errorf("the second runner got %s and asked %d times; %q", second, asked.Load(), trouble)
	}
	if len(s.Keys()) != 1 {
		t.Errorf("kept again: %q", s.Keys())
	}
	// A release asks the repository itself, and so does who pins a digest.
	if _, trouble = run(t, job(t, s, onMain...), cache.Access{Read: true}, o); asked.Swap(0) == 0 || len(trouble) != 0 {
		t.Errorf("a release took what the cache had: %q", trouble)
	}
	repository, _, _ := strings.Cut(ref, ":2")
	pinned := o
	pinned.Repositories = []string{repository + "@" + first}
	if run(t, job(t, s, onMain...), everything, pinned); asked.Swap(0) == 0 {
		t.Error("a pinned database came from the cache")
	}
	// The next day: what is kept is due, and the newer one follows it.
	newer, asked := origin(t, now.Add(20*time.Hour))
	s2 := start(t)
	o.Repositories = []string{newer}
	run(t, job(t, s2, onMain...), everything, o)
	asked.Store(0)
	o.Now = now.Add(50 * time.Hour)
	if _, trouble := run(t, job(t, s2, onMain...), everything, o); asked.Load() == 0 || len(trouble) != 0 {
		t.Errorf("a database that was due was not asked about: %q", trouble)
	}
	o.Now = now.Add(200 * time.Hour)
	if _, trouble := run(t, job(t, s2, onMain...), everything, o); len(trouble) != 1 || !strings.Contains(trouble[0], "older than db-max-age") {
		t.Errorf("trouble %q", trouble)
	}
}

func TestSpoiledDatabase(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]struct {
		change func([]byte) []byte
		says   string
	}{
		"truncated": {func(b []byte) []byte { return b[:len(b)/2] }, "damaged"},
		"changed":   {func(b []byte) []byte { b[len(b)/2] ^= 1; return b }, "damaged"},
		"empty":     {func([]byte) []byte { return nil }, "cannot be used"},
		"text":      {func([]byte) []byte { return []byte("<html>") }, "damaged"},
		"lies of its length": {func(b []byte) []byte {
			b[8] = 0x7f
			return b
		}, "limit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			ref, asked := origin(t, now.Add(-time.Hour))
			o := scan.DatabaseOptions{Repositories: []string{ref}, Now: now}
			first, _ := run(t, job(t, s, onMain...), everything, o)
			if s.Change("plimsoll-database", spoil.change) != 1 {
				t.Fatal("nothing was kept")
			}
			asked.Store(0)
			got, trouble := run(t, job(t, s, onPull...), everything, o)
			if got != first || asked.Load() == 0 || len(trouble) == 0 {
				t.Errorf("got %s after %d requests; %q", got, asked.Load(), trouble)
			}
			if name != "empty" && !strings.Contains(strings.Join(trouble, "\n"), spoil.says) {
				t.Errorf("trouble %q, want %q", trouble, spoil.says)
			}
		})
	}
}

func TestServiceThatFails(t *testing.T) {
	t.Parallel()
	s := start(t)
	ref, _ := origin(t, now)
	o := scan.DatabaseOptions{Repositories: []string{ref}, Now: now}
	store := job(t, s, onMain...)
	s.Spoil = func(w http.ResponseWriter, _ *http.Request) bool {
		http.Error(w, "<html>bad gateway</html>", http.StatusBadGateway)
		return true
	}
	_, trouble := run(t, store, everything, o)
	if len(trouble) != 2 || !strings.Contains(trouble[0], "reading from GitHub's cache: ") || !strings.Contains(trouble[1], "the run goes on without it") {
		t.Errorf("trouble %q", trouble)
	}
}

func BenchmarkDatabase(b *testing.B) {
	s := ghatest.Start()
	defer s.Close()
	ref, _ := origin(b, now.Add(-time.Hour))
	o := scan.DatabaseOptions{Repositories: []string{ref}, Now: now}
	o.CacheDir = b.TempDir()
	b.Run("fetch and save", func(b *testing.B) {
		for b.Loop() {
			fresh := ghatest.Start()
			o.CacheDir = b.TempDir()
			run(b, job(b, fresh, onMain...), everything, o)
			fresh.Close()
		}
	})
	run(b, job(b, s, onMain...), everything, o)
	b.Run("restore", func(b *testing.B) {
		for b.Loop() {
			o.CacheDir = b.TempDir()
			run(b, job(b, s, onPull...), everything, o)
		}
		in, out := s.Bytes()
		b.ReportMetric(float64(in), "B-stored")
		b.ReportMetric(float64(out)/float64(b.N), "B-read/op")
	})
}
