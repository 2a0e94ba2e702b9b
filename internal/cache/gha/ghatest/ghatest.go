// Package ghatest is GitHub's cache as a job sees it, for tests: the second service
// and the blob store behind it, with the rules that clients run into. They were
// taken from:
//
//   - docs.github.com, "Caching dependencies to speed up workflows" (restrictions for
//     accessing a cache; cache key matching): a run writes to the scope of its ref and
//     reads that first, then those of its base and default branch; the exact key wins
//     over the newest that begins with one; an entry never changes;
//   - actions/toolkit, packages/cache (generated/results/api/v1/cache.ts, cache.ts):
//     methods, fields, keys of at most 512 characters without a comma;
//   - actions/cache#1541 and #1612: what exists is 409 already_exists, and a key that
//     was reserved and never finished stays taken;
//   - tonistiigi/go-actions-cache, api.md: the token, its scopes ("ac") and times;
//   - learn.microsoft.com, "Put Blob", "Put Block", "Put Block List", "Get Blob".
package ghatest

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const servicePath = "/twirp/github.actions.results.api.v1.CacheService/"

// Scope is one scope of a token; Permission is 1 to read, 2 to write, 3 for both.
type Scope struct {
	Scope      string
	Permission int
}

// entry is one reserved or finished entry.
type entry struct {
	scope, key, version string
	id                  int
	finished            bool
	content             []byte
	blocks              map[string][]byte
}

// Server is the service and the blob store.
type Server struct {
	*httptest.Server
	// Spoil answers instead of the server when it returns true.
	Spoil func(http.ResponseWriter, *http.Request) bool
	// Now is the time that tokens are checked against.
	Now func() time.Time

	mu      sync.Mutex
	entries []*entry
	tokens  map[string]claims
	log     []string
	out, in int64
}

type claims struct {
	Access  string  `json:"ac"`
	Expires float64 `json:"exp"`
	Begins  float64 `json:"nbf"`
}

// Start starts a server. The caller closes it.
func Start() *Server {
	s := &Server{tokens: map[string]claims{}, Now: time.Now}
	s.Server = httptest.NewServer(s)
	return s
}

// Token makes a token that ends in six hours. The scope that is written to is the
// first that may be; scopes are read in order.
func (s *Server) Token(scopes ...Scope) string {
	return s.TokenUntil(s.Now().Add(6*time.Hour), scopes...)
}

// TokenUntil is Token with another end.
func (s *Server) TokenUntil(end time.Time, scopes ...Scope) string {
	access, err := json.Marshal(scopes)
	if err != nil {
		panic(err)
	}
	c := claims{Access: string(access), Expires: float64(end.Unix()), Begins: float64(end.Add(-7 * time.Hour).Unix())}
	payload, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	encode := base64.RawURLEncoding.EncodeToString
	token := encode([]byte(`{"typ":"JWT","alg":"RS256"}`)) + "." + encode(payload) + "." + encode(fmt.Appendf(nil, "signature %d", len(s.tokens)))
	s.tokens[token] = c
	return token
}

// Env is what the runner gives a container action of a job with this token.
func (s *Server) Env(token string) map[string]string {
	return map[string]string{
		"GITHUB_SERVER_URL": "https://github.com", "ACTIONS_RUNTIME_TOKEN": token, "ACTIONS_RESULTS_URL": s.URL + "/",
		"ACTIONS_CACHE_URL": "https://artifactcache.actions.invalid/gone/",
	}
}

// Log lists what was asked for: "CreateCacheEntry key", "GET key".
func (s *Server) Log() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Bytes is how much content was sent to and from the blob store.
func (s *Server) Bytes() (in, out int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.in, s.out
}

// Keys lists the finished entries as "scope key".
func (s *Server) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, e := range s.entries {
		if e.finished {
			all = append(all, e.scope+" "+e.key)
		}
	}
	return all
}

// Change replaces the content of every finished entry whose key begins with prefix,
// as nobody can on GitHub but whoever writes it first.
func (s *Server) Change(prefix string, change func([]byte) []byte) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, e := range s.entries {
		if e.finished && strings.HasPrefix(e.key, prefix) {
			e.content = change(slices.Clone(e.content))
			n++
		}
	}
	return n
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.Spoil != nil && s.Spoil(w, r) {
		return
	}
	if method, ok := strings.CutPrefix(r.URL.Path, servicePath); ok {
		s.serve(w, r, method)
		return
	}
	if id, ok := strings.CutPrefix(r.URL.Path, "/blobs/"); ok {
		s.blob(w, r, id)
		return
	}
	http.NotFound(w, r)
}

// refuse answers as Twirp does (twitchtv.github.io/twirp, "Errors").
func refuse(w http.ResponseWriter, status int, code, text string) {
	answer(w, status, map[string]string{"code": code, "msg": text})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that left
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request, method string) {
	var asked struct {
		Key         string   `json:"key"`
		RestoreKeys []string `json:"restore_keys"`
		Version     string   `json:"version"`
		SizeBytes   any      `json:"size_bytes"`
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	scopes, ok := s.authorise(w, r)
	if !ok {
		return
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&asked); err != nil {
		refuse(w, http.StatusBadRequest, "malformed", "the json request could not be decoded")
		return
	}
	s.log = append(s.log, method+" "+asked.Key)
	for _, key := range append(asked.RestoreKeys, asked.Key) {
		if key == "" || len(key) > 512 || strings.Contains(key, ",") {
			refuse(w, http.StatusBadRequest, "invalid_argument", "the key is not valid")
			return
		}
	}
	switch method {
	case "CreateCacheEntry":
		s.create(w, scopes, asked.Key, asked.Version)
	case "FinalizeCacheEntryUpload":
		s.finish(w, scopes, asked.Key, asked.Version, fmt.Sprint(asked.SizeBytes))
	case "GetCacheEntryDownloadURL":
		s.find(w, scopes, append([]string{asked.Key}, asked.RestoreKeys...), asked.Version)
	default:
		refuse(w, http.StatusNotFound, "bad_route", "no handler for path")
	}
}

// authorise reads the scopes of the token; the caller holds the lock.
func (s *Server) authorise(w http.ResponseWriter, r *http.Request) ([]Scope, bool) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	c, known := s.tokens[token]
	now := float64(s.Now().Unix())
	var scopes []Scope
	if !known || now >= c.Expires || now < c.Begins || json.Unmarshal([]byte(c.Access), &scopes) != nil {
		refuse(w, http.StatusUnauthorized, "unauthenticated", "the token is not valid")
		return nil, false
	}
	if r.Method != http.MethodPost {
		refuse(w, http.StatusNotFound, "bad_route", "unsupported method "+r.Method)
		return nil, false
	}
	return scopes, true
}

func writable(scopes []Scope) string {
	for _, sc := range scopes {
		if sc.Permission&2 != 0 {
			return sc.Scope
		}
	}
	return ""
}

func (s *Server) exact(scope, key, version string) *entry {
	for _, e := range s.entries {
		if e.scope == scope && e.key == key && e.version == version {
			return e
		}
	}
	return nil
}

func (s *Server) create(w http.ResponseWriter, scopes []Scope, key, version string) {
	scope := writable(scopes)
	switch {
	case scope == "":
		refuse(w, http.StatusForbidden, "permission_denied", "the token may not write")
	case s.exact(scope, key, version) != nil:
		refuse(w, http.StatusConflict, "already_exists", "cache entry with the same key, version, and scope already exists")
	default:
		e := &entry{scope: scope, key: key, version: version, id: len(s.entries) + 1, blocks: map[string][]byte{}}
		s.entries = append(s.entries, e)
		answer(w, http.StatusOK, map[string]any{"ok": true, "signed_upload_url": s.signed(e, "w")})
	}
}

func (s *Server) finish(w http.ResponseWriter, scopes []Scope, key, version, size string) {
	e := s.exact(writable(scopes), key, version)
	if e == nil || e.finished || size != strconv.Itoa(len(e.content)) && size != fmt.Sprintf("%g", float64(len(e.content))) {
		refuse(w, http.StatusNotFound, "not_found", "no upload of this size is under way")
		return
	}
	e.finished = true
	answer(w, http.StatusOK, map[string]any{"ok": true, "entry_id": strconv.Itoa(e.id)})
}

// find looks in scope after scope for the exact key, then for the newest that begins
// with one of the keys in order.
func (s *Server) find(w http.ResponseWriter, scopes []Scope, keys []string, version string) {
	for _, sc := range scopes {
		if sc.Permission&1 == 0 {
			continue
		}
		e := s.exact(sc.Scope, keys[0], version)
		if e != nil && !e.finished {
			e = nil
		}
		for _, key := range keys {
			for _, other := range slices.Backward(s.entries) {
				if other.finished && other.scope == sc.Scope && other.version == version && strings.HasPrefix(other.key, key) {
					e = cmp.Or(e, other)
				}
			}
		}
		if e != nil {
			answer(w, http.StatusOK, map[string]any{"ok": true, "signed_download_url": s.signed(e, "r"), "matched_key": e.key})
			return
		}
	}
	answer(w, http.StatusOK, map[string]any{"ok": false, "signed_download_url": "", "matched_key": ""})
}

// signed is an address that is open to whoever has it.
func (s *Server) signed(e *entry, may string) string {
	return fmt.Sprintf("%s/blobs/%d?sp=%s&sig=secret%d%s", s.URL, e.id, may, e.id, may)
}
