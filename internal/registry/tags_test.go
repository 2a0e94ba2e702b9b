package registry_test

import (
	"net/http"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/plimsoll-ci/plimsoll/internal/registry"
	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
)

// Whether anything was published decides whether anybody can be blamed.
func TestEmpty(t *testing.T) {
	t.Parallel()
	server := registrytest.Start(registrytest.Options{})
	t.Cleanup(func() { server.Close() })
	client, err := registry.New(registry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	repo, err := name.NewRepository(server.Host + "/acme/app")
	if err != nil {
		t.Fatal(err)
	}
	if empty, err := client.Empty(t.Context(), repo); err != nil || !empty {
		t.Errorf("a repository that is not there: empty %v, %v", empty, err)
	}
	img, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(repo.Tag("1"), img); err != nil {
		t.Fatal(err)
	}
	if empty, err := client.Empty(t.Context(), repo); err != nil || empty {
		t.Errorf("with a tag: empty %v, %v", empty, err)
	}
	server.Reset(func(int, *http.Request) registrytest.Fate { return registrytest.Fate{Status: http.StatusForbidden} })
	if _, err := client.Empty(t.Context(), repo); err == nil {
		t.Error("a list that may not be read is taken for an empty one")
	}
}
