package gha_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/cache"
	"github.com/plimsoll-ci/plimsoll/internal/cache/gha"
	"github.com/plimsoll-ci/plimsoll/internal/cache/gha/ghatest"
)

var (
	onMain = []ghatest.Scope{{Scope: "refs/heads/main", Permission: 3}}
	onPull = []ghatest.Scope{{Scope: "refs/pull/7/merge", Permission: 3}, {Scope: "refs/heads/main", Permission: 1}}
)

func start(t testing.TB) *ghatest.Server {
	t.Helper()
	s := ghatest.Start()
	t.Cleanup(s.Close)
	return s
}

// job opens the cache as a container action of a new job does.
func job(t testing.TB, s *ghatest.Server, scopes ...ghatest.Scope) cache.Store {
	t.Helper()
	env := s.Env(s.Token(scopes...))
	service := cache.ActionsFrom(func(name string) string { return env[name] })
	if err := service.Check(time.Now()); err != nil {
		t.Fatal(err)
	}
	store, err := gha.New(service, http.DefaultTransport, "plimsoll/test")
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func put(t *testing.T, s cache.Store, key cache.Key, text string) {
	t.Helper()
	if err := s.Put(t.Context(), key, bytes.NewReader([]byte(text))); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, s cache.Store, name string, turns bool) string {
	t.Helper()
	var b strings.Builder
	key, err := s.Get(t.Context(), name, turns, &b, 1<<20)
	if errors.Is(err, cache.ErrAbsent) {
		return "absent"
	}
	if err != nil {
		t.Fatal(err)
	}
	return key.String() + " " + b.String()
}

func TestScopesAndTurns(t *testing.T) {
	t.Parallel()
	s := start(t)
	main, pull, other := job(t, s, onMain...), job(t, s, onPull...), job(t, s,
		ghatest.Scope{Scope: "refs/pull/8/merge", Permission: 3}, onPull[1])
	want := func(who cache.Store, name string, turns bool, want string) {
		t.Helper()
		if got := get(t, who, name, turns); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	want(main, "one", false, "absent")
	put(t, main, cache.Key{Name: "one"}, "first")
	put(t, main, cache.Key{Name: "one"}, "second") // a value never changes
	put(t, main, cache.Key{Name: "one-more"}, "longer")
	want(main, "one", false, "one first")
	want(pull, "one", false, "one first")
	want(main, "one-m", false, "absent") // the beginning of a key is not the key
	want(main, "one", true, "absent")

	put(t, main, cache.Key{Name: "turns", Turn: "b"}, "older")
	put(t, main, cache.Key{Name: "turns", Turn: "a"}, "newer")
	put(t, main, cache.Key{Name: "turns-of-others", Turn: "c"}, "not this")
	want(pull, "turns", true, "turns.a newer")
	put(t, pull, cache.Key{Name: "turns", Turn: "z"}, "poison")
	want(pull, "turns", true, "turns.z poison") // harms itself
	want(main, "turns", true, "turns.a newer")
	want(other, "turns", true, "turns.a newer")
	put(t, pull, cache.Key{Name: "one"}, "poison")
	want(main, "one", false, "one first")
	if keys := s.Keys(); !slices.Contains(keys, "refs/heads/main plimsoll-turns.a") {
		t.Errorf("keys %q", keys)
	}
}

func TestLargeContentInBlocks(t *testing.T) {
	t.Parallel()
	s := start(t)
	content := bytes.Repeat([]byte("0123456789abcdef"), 5<<16) // 5 MiB: several blocks of the Azure client's 1 MiB
	if err := job(t, s, onMain...).Put(t.Context(), cache.Key{Name: "large"}, bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if _, err := job(t, s, onPull...).Get(t.Context(), "large", false, &got, int64(len(content))); err != nil || !bytes.Equal(got.Bytes(), content) {
		t.Errorf("%d bytes came back, %v", got.Len(), err)
	}
	if _, err := job(t, s, onPull...).Get(t.Context(), "large", false, io.Discard, int64(len(content))-1); err == nil || !strings.Contains(err.Error(), "longer than the limit") {
		t.Errorf("beyond the limit: %v", err)
	}
}

func TestRefusalsHideWhatOpensTheCache(t *testing.T) {
	t.Parallel()
	s := start(t)
	put(t, job(t, s, onMain...), cache.Key{Name: "x"}, "x")
	reader := job(t, s, ghatest.Scope{Scope: "refs/heads/main", Permission: 1})
	if err := reader.Put(t.Context(), cache.Key{Name: "y"}, bytes.NewReader(nil)); err == nil {
		t.Error("written without the right to")
	}
	expiring := s.TokenUntil(time.Now().Add(time.Minute), onMain...)
	env := s.Env(expiring)
	late, err := gha.New(cache.ActionsFrom(func(name string) string { return env[name] }), http.DefaultTransport, "plimsoll/test")
	if err != nil {
		t.Fatal(err)
	}
	s.Now = func() time.Time { return time.Now().Add(time.Hour) } // it ends half-way
	if _, err := late.Get(t.Context(), "x", false, io.Discard, 10); err == nil {
		t.Error("read with a token that is over")
	}
	s.Now = time.Now

	// The blob store is gone: the address in the error opens it for an hour.
	gone := job(t, s, onMain...)
	s.Spoil = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.URL.Path, "/blobs/") {
			panic(http.ErrAbortHandler)
		}
		return false
	}
	ctx, cancel := timeout(t)
	defer cancel()
	_, err = gone.Get(ctx, "x", false, io.Discard, 10)
	if err == nil || strings.Contains(err.Error(), "sig=") || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

// TestAnswersWithoutARequestID: the library reads a header that need not be there.
func TestAnswersWithoutARequestID(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Spoil = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			w.WriteHeader(http.StatusCreated)
			return true
		}
		return false
	}
	if err := job(t, s, onMain...).Put(t.Context(), cache.Key{Name: "x"}, bytes.NewReader([]byte("x"))); err == nil {
		t.Error("nothing was stored, and nobody said so")
	}
}
