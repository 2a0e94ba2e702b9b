package buildkit

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

// jobToken is shaped as the runner's: a JSON web token with an end far away, and
// leave to read and write the caches of one branch.
const jobToken = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJleHAiOjQxMDI0NDQ4MDAsIm5iZiI6MTUwMDAwMDAwMCwiYWMiOiJbe1wiU2NvcGVcIjpcInJlZnMvaGVhZHMvbWFpblwiLFwiUGVybWlzc2lvblwiOjN9XSJ9.c2lnbmF0dXJl"

// cacheService is GitHub's cache service, second version, with the storage behind
// it: three calls that carry the token, and signed URLs that do not.
type cacheService struct {
	*httptest.Server

	mu      sync.Mutex
	pending map[string]string // key by path of the upload
	blobs   map[string][]byte // by path
	blocks  map[string][]byte // by path and block
	paths   map[string]string // by key, once it is final
	leaked  bool              // the token was shown to the storage
}

func newCacheService(t testing.TB) *cacheService {
	t.Helper()
	s := &cacheService{pending: map[string]string{}, blobs: map[string][]byte{}, blocks: map[string][]byte{}, paths: map[string]string{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *cacheService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	call, api := strings.CutPrefix(r.URL.Path, "/twirp/github.actions.results.api.v1.CacheService/")
	if !api {
		s.leaked = s.leaked || strings.Contains(r.Header.Get("Authorization"), jobToken)
		w.Header().Set("X-Ms-Request-Id", "1")
		s.store(w, r)
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+jobToken {
		http.Error(w, `{"msg":"no"}`, http.StatusUnauthorized)
		return
	}
	var asked struct {
		Key         string   `json:"key"`
		RestoreKeys []string `json:"restore_keys"`
	}
	_ = json.NewDecoder(r.Body).Decode(&asked)
	answer := map[string]any{"ok": false}
	switch call {
	case "CreateCacheEntry":
		if _, taken := s.paths[asked.Key]; !taken {
			path := fmt.Sprintf("/storage/container/%d", len(s.pending))
			s.pending[asked.Key] = path
			answer = map[string]any{"ok": true, "signed_upload_url": s.URL + path}
		}
	case "FinalizeCacheEntryUpload":
		s.paths[asked.Key] = s.pending[asked.Key]
		answer = map[string]any{"ok": true, "entry_id": "1"}
	case "GetCacheEntryDownloadURL":
		// The newest entry whose key begins with one that was asked for.
		for _, wanted := range append([]string{asked.Key}, asked.RestoreKeys...) {
			for _, key := range slices.Backward(slices.Sorted(maps.Keys(s.paths))) {
				if strings.HasPrefix(key, wanted) && answer["ok"] == false {
					answer = map[string]any{"ok": true, "matched_key": key, "signed_download_url": s.URL + s.paths[key]}
				}
			}
		}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// store is the storage: blobs that are put whole or in blocks, and read by range.
func (s *cacheService) store(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	query := r.URL.Query()
	switch {
	case r.Method == http.MethodGet:
		w.Header().Set("X-Ms-Blob-Type", "BlockBlob")
		r.Header.Set("Range", r.Header.Get("X-Ms-Range"))
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(s.blobs[r.URL.Path]))
		return
	case query.Get("comp") == "block":
		s.blocks[r.URL.Path+query.Get("blockid")] = body
	case query.Get("comp") == "blocklist":
		var list struct{ Latest []string }
		_ = xml.Unmarshal(body, &list)
		var whole []byte
		for _, id := range list.Latest {
			whole = append(whole, s.blocks[r.URL.Path+id]...)
		}
		s.blobs[r.URL.Path] = whole
	default:
		s.blobs[r.URL.Path] = body
	}
	w.WriteHeader(http.StatusCreated)
}

// TestActionsCacheCarriesOver builds on one runner, and again on a new one.
func TestActionsCacheCarriesOver(t *testing.T) {
	needRuntime(t)
	service := newCacheService(t)
	env := map[string]string{"ACTIONS_RESULTS_URL": service.URL + "/", "ACTIONS_RUNTIME_TOKEN": jobToken, "ACTIONS_CACHE_SERVICE_V2": "true"}
	b := &Embedded{Actions: ActionsFrom(func(name string) string { return env[name] })}
	dir := tree(t, "-- Dockerfile --\nFROM "+serveImages(t)+"/alpine:3.11 AS base\nRUN echo x > /x\nFROM base\nRUN echo y > /y\n")
	spec := specFor(t, dir)
	spec.CacheTo = []string{"type=gha,scope=app,mode=max"}
	first := through(t, b, spec)

	spec = specFor(t, dir)
	spec.CacheFrom = []string{"type=gha,scope=app"}
	sink := &heard{}
	second, err := b.Build(t.Context(), spec, sink)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := readConfig(t, first).RootFS.DiffIDs, readConfig(t, second).RootFS.DiffIDs; !slices.Equal(a, b) {
		t.Errorf("layers were %v and are %v; the steps:\n%s", a, b, sink.text(progress.Step))
	}
	for _, r := range []string{first.Provenance, second.Provenance} {
		if strings.Contains(readFile(t, r), jobToken) {
			t.Error("the provenance tells the token")
		}
	}
	if service.leaked {
		t.Error("the storage was shown the token")
	}
}
