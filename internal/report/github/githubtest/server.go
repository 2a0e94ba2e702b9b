// Package githubtest runs a GitHub inside the process, for tests: real HTTP on a
// real socket, with GitHub's rules about tokens, limits, pages and order, a log
// of what it was asked, and faults when it is told to. What it was asked and what
// it answers is held against GitHub's own description of its API. RULES.md lists
// the rules with their sources, and what is not modelled.
package githubtest

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// Options of a Server.
type Options struct {
	// Prefix comes before every path of the API: "/api/v3" as GitHub Enterprise
	// Server has it. Its GraphQL then lies at /api/graphql.
	Prefix string
	// Address to listen on; empty is a free port of 127.0.0.1. A test whose client
	// runs in a container names the bridge's address, "172.17.0.1:0".
	Address string
	// ArchiveHost is the name under which archives are served, another than the
	// API's, so that clients see a foreign host; empty is "localhost".
	ArchiveHost string
	// Before is asked about each request before it is served; n counts them from
	// 1. It may read the body, and several may run at once. Nil serves all.
	Before func(n int, r *http.Request) Fate
	// TooLong chooses which of GitHub's two answers a long comment gets.
	TooLong TooLong
	// RateLimit is how many requests a token has; 0 is 1,000.
	RateLimit int
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Entry is one request and what became of it.
type Entry struct {
	At     time.Time
	Method string
	Path   string // with the prefix, without the query
	Query  string
	// Login of the token; empty for nobody.
	Login  string
	Status int // 0 when the connection was broken before a status
	// Foreign says that the request went to the archive host, Authorized that it
	// carried an Authorization header. Both at once is a leaked token.
	Foreign, Authorized bool
}

func (e Entry) String() string { return fmt.Sprintf("%s %s %d", e.Method, e.Path, e.Status) }

// Write says that the request could change something.
func (e Entry) Write() bool { return e.Method != http.MethodGet && e.Method != http.MethodHead }

// Server is a running GitHub.
type Server struct {
	// URL is the root of the API without a slash at its end (GITHUB_API_URL), and
	// GraphQLURL where GraphQL is asked (GITHUB_GRAPHQL_URL).
	URL, GraphQLURL string

	t       testing.TB
	options Options
	api     *httptest.Server
	archive *httptest.Server
	served  []endpoint

	mu         sync.Mutex // guards all below and the state
	log        []Entry
	asked      int
	done       int
	violations []string
	state
}

// Start runs a GitHub until the test ends. A violation that nobody took with
// Violations by then is an error of the test.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.RateLimit == 0 {
		o.RateLimit = 1000 // for GITHUB_TOKEN, an hour and repository
	}
	if o.ArchiveHost == "" {
		o.ArchiveHost = "localhost"
	}
	s := &Server{t: t, options: o, state: newState()}
	s.served = s.endpoints()
	s.api = s.listen(s.front(s.handle, false))
	s.archive = s.listen(s.front(s.handleArchive, true))
	root := "http://" + s.api.Listener.Addr().String()
	s.URL, s.GraphQLURL = root+o.Prefix, root+"/graphql"
	if o.Prefix != "" {
		s.GraphQLURL = root + "/api/graphql"
	}
	t.Cleanup(func() {
		s.close()
		for _, violation := range s.Violations() {
			t.Errorf("GitHub's rules were broken: %s", violation)
		}
	})
	return s
}

func (s *Server) listen(h http.Handler) *httptest.Server {
	s.t.Helper()
	server := httptest.NewUnstartedServer(h)
	if s.options.Address != "" {
		listener, err := (&net.ListenConfig{}).Listen(s.t.Context(), "tcp", s.options.Address)
		if err != nil {
			s.t.Fatal(err)
		}
		_ = server.Listener.Close() // in favour of the one asked for
		server.Listener = listener
	}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // broken connections are meant
	server.Start()
	return server
}

func (s *Server) close() {
	for _, server := range []*httptest.Server{s.api, s.archive} {
		server.CloseClientConnections()
		server.Close()
	}
}

// Log is what was asked since the start or the last Reset, archives too, in the
// order of the answers.
func (s *Server) Log() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Writes is the part of the log that could change something.
func (s *Server) Writes() []Entry {
	return slices.DeleteFunc(s.Log(), func(e Entry) bool { return !e.Write() })
}

// Requests counts what was asked of the API, which is what rate limits count.
func (s *Server) Requests() int {
	return len(slices.DeleteFunc(s.Log(), func(e Entry) bool { return e.Foreign }))
}

// Served counts the requests that were served since the start or the last Reset,
// whether or not their answers have left.
func (s *Server) Served() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done
}

// Violations takes what was wrong with requests and answers so far: what GitHub's
// description does not allow, a token sent to another host, an endpoint that is
// not served. Once taken they do not fail the test.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.violations
	s.violations = nil
	return taken
}

// violate needs the lock.
func (s *Server) violate(format string, args ...any) {
	s.violations = append(s.violations, fmt.Sprintf(format, args...))
}

// Reset empties the log, counts requests from 1 again, and sets Before.
func (s *Server) Reset(before func(n int, r *http.Request) Fate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log, s.asked, s.done, s.options.Before = nil, 0, 0, before
}

// maxRequest is more than any request that GitHub takes (a SARIF file of 10 MB, in base64).
const maxRequest = 32 << 20

// front lets a request meet its fate, and writes it down.
func (s *Server) front(handle func(http.ResponseWriter, *http.Request, []byte), foreign bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
		if err != nil {
			return // the client went away
		}
		entry := Entry{
			At: s.options.Now(), Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery,
			Foreign: foreign, Authorized: r.Header.Get("Authorization") != "",
		}
		s.mu.Lock()
		s.asked++
		n, before := s.asked, s.options.Before
		if token, ok := s.token(r); ok {
			entry.Login = token.Login
		}
		s.mu.Unlock()
		var fate Fate
		if before != nil {
			r.Body = io.NopCloser(bytes.NewReader(body))
			fate = before(n, r)
		}
		serve := func(w http.ResponseWriter) {
			handle(w, r, body)
			s.mu.Lock()
			s.done++
			s.mu.Unlock()
		}
		record := func(status int) { // before a byte leaves, so that who has the answer finds it in the log
			s.mu.Lock()
			defer s.mu.Unlock()
			entry.Status = status
			s.log = append(s.log, entry)
		}
		if !meet(w, r, fate, serve, record) {
			panic(http.ErrAbortHandler) // breaks the connection
		}
	})
}
