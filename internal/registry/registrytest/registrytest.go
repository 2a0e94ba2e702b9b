// Package registrytest runs a registry inside the process, for tests and the
// demo: a real one on a real socket, which keeps a log of what it was asked,
// is as strict as registries are about order, and fails when it is told to.
package registrytest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Options of a Server.
type Options struct {
	// NoReferrers leaves out the referrers API, as ghcr.io does: clients must keep
	// a list under the fallback tag.
	NoReferrers bool
	// Username and Password are asked for when Username is set: as Basic
	// credentials, or with Bearer at a token endpoint.
	Username string
	Password string
	Bearer   bool
	// Scoped tokens, with Bearer, open only the repositories they were asked for, for
	// pulling or pushing.
	Scoped bool
	// OwnBlobs keeps blobs by repository, as registries do: what another repository
	// holds is not there until it is mounted. NoMount refuses to mount.
	OwnBlobs bool
	NoMount  bool
	// ImmutableTags refuses to move any tag.
	ImmutableTags bool
	// Before is asked about each request, under /v2/<repository>, before it is
	// served; n counts them from 1. Nil serves all.
	Before func(n int, r *http.Request) Fate
}

// Fate is what becomes of a request.
type Fate struct {
	// Status answers with this status and an error body instead of serving; 0 does not.
	Status int
	// Drop breaks the connection instead of serving.
	Drop bool
	// DropAfter serves and then breaks the connection, so that the client never learns of it.
	DropAfter bool
}

// Entry is one request and its answer.
type Entry struct {
	Method string
	Path   string
	Status int // 0 when the connection was broken
}

func (e Entry) String() string { return fmt.Sprintf("%s %s %d", e.Method, e.Path, e.Status) }

// Write says that the request could change something.
func (e Entry) Write() bool { return e.Method != http.MethodGet && e.Method != http.MethodHead }

// Server is a running registry.
type Server struct {
	// Host is "127.0.0.1:port".
	Host string

	options Options
	inner   http.Handler
	http    *httptest.Server
	blobs   *blobs // nil when all repositories share them

	mu    sync.Mutex
	log   []Entry
	asked int
	links map[string]string // tag path to digest, to refuse moves
}

// Start runs a registry until it is closed.
func Start(o Options) *Server {
	quiet := log.New(io.Discard, "", 0)
	s := &Server{
		options: o,
		links:   make(map[string]string),
	}
	library := []registry.Option{registry.WithReferrersSupport(!o.NoReferrers), registry.Logger(quiet)}
	if o.OwnBlobs {
		s.blobs = &blobs{held: make(map[string][]byte)}
		library = append(library, registry.WithBlobHandler(s.blobs))
	}
	s.inner = registry.New(library...)
	s.http = httptest.NewUnstartedServer(s)
	s.http.Config.ErrorLog = quiet // clients try TLS first
	s.http.Start()
	s.Host = s.http.Listener.Addr().String()
	return s
}

// Close ends the registry and forgets what it held.
func (s *Server) Close() {
	s.http.CloseClientConnections()
	s.http.Close()
}

// Log is what was asked since the start or the last Reset, without the handshake
// at /v2/ and the token endpoint.
func (s *Server) Log() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Writes is the part of the log that could change something.
func (s *Server) Writes() []Entry {
	return slices.DeleteFunc(s.Log(), func(e Entry) bool { return !e.Write() })
}

// Reset empties the log, counts requests from 1 again, and sets Before.
func (s *Server) Reset(before func(n int, r *http.Request) Fate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log, s.asked, s.options.Before = nil, 0, before
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/token":
		s.token(w, r)
	case !s.authorized(r):
		s.challenge(w)
	case r.URL.Path == "/v2/" || r.URL.Path == "/v2":
		w.WriteHeader(http.StatusOK)
	default:
		s.serve(w, r)
	}
}

// serve lets the request meet its fate, and writes it down.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked++
	n, before := s.asked, s.options.Before
	s.mu.Unlock()
	var fate Fate
	if before != nil {
		fate = before(n, r)
	}
	entry := Entry{Method: r.Method, Path: r.URL.Path}
	defer func() {
		s.mu.Lock()
		s.log = append(s.log, entry)
		s.mu.Unlock()
		if fate.Drop || fate.DropAfter {
			panic(http.ErrAbortHandler)
		}
	}()
	if fate.Drop {
		return
	}
	if fate.Status != 0 {
		entry.Status = fate.Status
		_, _ = io.Copy(io.Discard, r.Body)
		fail(w, fate.Status, codes[fate.Status], "told to fail")
		return
	}
	answer := httptest.NewRecorder()
	if code, message := s.refuse(r); code != "" {
		fail(answer, http.StatusBadRequest, code, message)
	} else if !s.mount(answer, r) {
		s.inner.ServeHTTP(answer, r)
	}
	if fate.DropAfter {
		return
	}
	entry.Status = answer.Code
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = io.Copy(w, answer.Body)
}

var codes = map[int]string{
	http.StatusUnauthorized:    "UNAUTHORIZED",
	http.StatusForbidden:       "DENIED",
	http.StatusNotFound:        "NAME_UNKNOWN",
	http.StatusTooManyRequests: "TOOMANYREQUESTS",
}

func fail(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if code == "" {
		code = "UNKNOWN"
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []map[string]string{{"code": code, "message": message}}})
}

// refuse adds what real registries check and the library's does not: a manifest
// has the digest it is written under, its blobs are there before it, and an
// immutable tag stays.
func (s *Server) refuse(r *http.Request) (code, message string) {
	repo, target, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v2/"), "/manifests/")
	if r.Method != http.MethodPut || !ok {
		return "", ""
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return "MANIFEST_INVALID", err.Error()
	}
	r.Body = io.NopCloser(bytes.NewReader(raw))
	digest, _, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return "MANIFEST_INVALID", err.Error()
	}
	if strings.Contains(target, ":") && target != digest.String() {
		return "DIGEST_INVALID", "the manifest has another digest"
	}
	var m struct {
		Config *v1.Descriptor  `json:"config"`
		Layers []v1.Descriptor `json:"layers"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return "MANIFEST_INVALID", err.Error()
	}
	if m.Config != nil {
		m.Layers = append(m.Layers, *m.Config)
	}
	for _, d := range m.Layers {
		if d.MediaType.IsDistributable() && !s.has(r.Context(), "/v2/"+repo+"/blobs/"+d.Digest.String()) {
			return "MANIFEST_BLOB_UNKNOWN", d.Digest.String()
		}
	}
	if s.options.ImmutableTags && !strings.Contains(target, ":") {
		s.mu.Lock()
		defer s.mu.Unlock()
		if was, ok := s.links[r.URL.Path]; ok && was != digest.String() {
			return "TAG_INVALID", "the tag exists and the repository is immutable"
		}
		s.links[r.URL.Path] = digest.String()
	}
	return "", ""
}

func (s *Server) has(ctx context.Context, path string) bool {
	answer := httptest.NewRecorder()
	s.inner.ServeHTTP(answer, httptest.NewRequestWithContext(ctx, http.MethodHead, path, nil))
	return answer.Code == http.StatusOK
}
