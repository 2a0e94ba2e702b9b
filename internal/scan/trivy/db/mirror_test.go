package db

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy/dbbuild"
)

// mirror is a registry whose answers a test can spoil.
type mirror struct {
	*httptest.Server
	mu       sync.Mutex
	requests []string
	spoil    func(w http.ResponseWriter, r *http.Request, n int) bool // true when it answered; n counts from 1
}

func newMirror(t testing.TB) *mirror {
	t.Helper()
	m := &mirror{}
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		if r.Method == http.MethodGet && r.URL.Path != "/v2/" {
			m.requests = append(m.requests, r.URL.Path)
		}
		spoil, n := m.spoil, len(m.requests)
		m.mu.Unlock()
		if spoil == nil || r.URL.Path == "/v2/" || !spoil(w, r, n) {
			inner.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(m.Close)
	return m
}

func (m *mirror) ref() string { return strings.TrimPrefix(m.URL, "http://") + "/aquasec/trivy-db:2" }

func (m *mirror) push(t testing.TB, dir string) string {
	t.Helper()
	digest, err := dbbuild.Push(t.Context(), dir, m.ref())
	if err != nil {
		t.Fatal(err)
	}
	m.forget()
	return digest.String()
}

func (m *mirror) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests = nil
}

func (m *mirror) count(part string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, r := range m.requests {
		if strings.Contains(r, part) {
			n++
		}
	}
	return n
}

func (m *mirror) answer(spoil func(http.ResponseWriter, *http.Request, int) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spoil, m.requests = spoil, nil
}

func status(code int) func(http.ResponseWriter, *http.Request, int) bool {
	return func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		w.WriteHeader(code)
		return true
	}
}
