package cli

import (
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/config"
)

// A cache in the image's own repository would be written before the verdict.
func TestCachesLieApart(t *testing.T) {
	t.Parallel()
	for cache, refused := range map[string]bool{
		"type=registry,ref=ghcr.io/acme/app:cache":       true,
		"type=registry,ref=GHCR.io/acme/app:cache":       true, // no reference, or the same place
		"ghcr.io/acme/app":                               true,
		"type=registry,ref=ghcr.io/acme/app-cache:main":  false,
		"type=registry,ref=docker.io/acme/app:cache":     false,
		"type=local,dest=/tmp/cache":                     false,
		"type=gha,scope=app":                             false,
		"type=registry,ref=index.docker.io/library/db:1": true,
	} {
		err := cachesApart(&config.Config{Tags: []string{"ghcr.io/acme/app:1", "db:2"}, CacheTo: []string{cache}})
		if (err != nil) != refused {
			t.Errorf("%s: %v, want refused %v", cache, err, refused)
		}
		if err != nil && !strings.Contains(err.Error(), "cache-to") {
			t.Errorf("%s: %v does not name the input", cache, err)
		}
	}
}
