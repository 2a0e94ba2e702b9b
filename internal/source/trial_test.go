package source_test

import (
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/source"
)

func TestForTests(t *testing.T) {
	for path, want := range map[string][2]bool{
		"compose.test.yaml":                 {true, false},
		"docker/docker-compose.ci-test.yml": {true, false},
		"Dockerfile.test":                   {true, false},
		"tests/e2e/kind/router.yaml":        {true, true},
		"shop/e2e/Dockerfile":               {true, true},
		".devcontainer/Dockerfile":          {true, true},
		"web-test.yaml":                     {true, false},
		"overlays/test/web.yaml":            {false, false},
		"contest/compose.yaml":              {false, false},
		"latest.yaml":                       {false, false},
		"Dockerfile":                        {false, false},
	} {
		if got := [2]bool{source.ForTests(path), source.BelowTests(path)}; got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
}
