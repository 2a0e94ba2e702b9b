package cache_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/plimsoll-ci/plimsoll/internal/cache"
	"github.com/plimsoll-ci/plimsoll/internal/registry"
	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
)

func shelf(t *testing.T, server *registrytest.Server, writes bool) (cache.Store, name.Repository) {
	t.Helper()
	client, err := registry.New(registry.Options{UserAgent: "plimsoll/test", Waits: nil})
	if err != nil {
		t.Fatal(err)
	}
	repository, err := name.NewRepository(server.Host + "/acme/cache")
	if err != nil {
		t.Fatal(err)
	}
	return cache.InRegistry(client, repository, writes), repository
}

func read(t *testing.T, s cache.Store, named string, turns bool) string {
	t.Helper()
	var b strings.Builder
	key, err := s.Get(t.Context(), named, turns, &b, 1<<20)
	if errors.Is(err, cache.ErrAbsent) {
		return "absent"
	}
	if err != nil {
		return err.Error()
	}
	return key.String() + " " + b.String()
}

func TestRegistry(t *testing.T) {
	t.Parallel()
	server := registrytest.Start(registrytest.Options{OwnBlobs: true})
	defer server.Close()
	writer, repository := shelf(t, server, true)
	reader, _ := shelf(t, server, false)
	put := func(key cache.Key, text string) {
		t.Helper()
		if err := writer.Put(t.Context(), key, bytes.NewReader([]byte(text))); err != nil {
			t.Fatal(err)
		}
	}
	want := func(named string, turns bool, want string) {
		t.Helper()
		for _, s := range []cache.Store{writer, reader} {
			if got := read(t, s, named, turns); !strings.Contains(got, want) {
				t.Errorf("%s: got %q, want %q", named, got, want)
			}
		}
	}
	want("one", false, "absent")
	put(cache.Key{Name: "one"}, "first")
	put(cache.Key{Name: "one"}, "second") // never changes
	want("one", false, "one first")
	want("one", true, "absent")
	put(cache.Key{Name: "turns", Turn: "b"}, "older")
	put(cache.Key{Name: "turns", Turn: "a"}, "newer")
	want("turns", true, "turns.a newer")
	before := len(server.Writes())
	put(cache.Key{Name: "turns", Turn: "a"}, "newer")
	if n := len(server.Writes()) - before; n != 0 {
		t.Errorf("what was there was written again: %d writes", n)
	}
	// A repository of images is none of a cache: nothing of it is taken or moved.
	image, err := random.Image(10, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(repository.Tag("app"), image); err != nil {
		t.Fatal(err)
	}
	want("app", false, "is no entry of a cache")
	if err := writer.Put(t.Context(), cache.Key{Name: "app", Turn: "1"}, bytes.NewReader(nil)); err == nil {
		t.Error("the tag of an image was moved")
	}
	// Long entries are not even asked for.
	if _, err := reader.Get(t.Context(), "one", false, io.Discard, 3); err == nil || !strings.Contains(err.Error(), "the limit is 3") {
		t.Errorf("beyond the limit: %v", err)
	}
	// What the registry changed is not taken.
	sum, _, err := v1.SHA256(strings.NewReader("newer"))
	if err != nil {
		t.Fatal(err)
	}
	server.Damage("acme/cache", sum)
	if got := read(t, reader, "turns", true); !strings.Contains(got, "changed it") {
		t.Errorf("got %q", got)
	}
}
