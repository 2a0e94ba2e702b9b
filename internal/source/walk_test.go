package source

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestComposeFiles(t *testing.T) {
	const services = "services: {}\n"
	dir := plant(t, map[string]string{
		"compose.yaml": services, "compose.override.yml": services, "a/docker-compose.yml": services, "a/docker-compose.prod.yaml": services,
		"a/Docker-Compose-Dev.yml": services, "b/docker-stack.yml": services, "b/stack.yml": services, "b/composer.yaml": services,
		"b/docker-compose.yml.example": services, "c/compose.yaml": manifest, "vendor/compose.yaml": services, "d/my.yml": services,
	})
	for name, c := range map[string]struct {
		asked    Options
		want     string
		projects [][]string
	}{
		"by name": {
			Options{},
			"compose a/Docker-Compose-Dev.yml, compose a/docker-compose.prod.yaml, compose a/docker-compose.yml, compose b/docker-stack.yml, compose compose.override.yml, compose compose.yaml, kubernetes c/compose.yaml",
			nil,
		},
		"named": {
			Options{ComposeFiles: []string{"d/my.yml", "./compose.yaml:a/docker-compose.yml"}},
			"compose a/docker-compose.yml, compose compose.yaml, compose d/my.yml",
			[][]string{{"compose.yaml", "a/docker-compose.yml"}},
		},
		"below a directory": {Options{ComposeFiles: []string{"a"}}, "compose a/Docker-Compose-Dev.yml, compose a/docker-compose.prod.yaml, compose a/docker-compose.yml", nil},
	} {
		t.Run(name, func(t *testing.T) {
			tree, err := Open(dir, c.asked)
			if err != nil {
				t.Fatal(err)
			}
			defer tree.Close()
			listings, err := tree.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, kind := range []Kind{Compose, Kubernetes} {
				for _, f := range listings[kind].Files {
					got = append(got, string(kind)+" "+f.Path)
				}
			}
			if diff := cmp.Diff(c.want, strings.Join(got, ", ")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff(c.projects, listings[Compose].Projects); diff != "" {
				t.Errorf("projects -want +got:\n%s", diff)
			}
		})
	}
}
