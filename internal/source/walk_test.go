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

// TestPipelines: workflows, actions, scripts and Makefiles are found by name, and a
// script that cannot be read is no failure unless somebody named it.
func TestPipelines(t *testing.T) {
	dir := plant(t, map[string]string{
		".github/workflows/ci.yml": "jobs:\n", ".github/workflows/notes.md": "x", ".github/dependabot.yml": "version: 2\n",
		"a/action.yml": "runs:\n", "k8s/action.yaml": manifest, "deploy.sh": "x", "deploy": "#!/bin/sh\n", "Makefile": "x:\n", "x.mk": "x:\n",
		"Makefile.in": "x", "old.sh": "\xe9\xff", "node_modules/x/y.sh": "x",
	})
	list := func(opts Options) (files, notes []string, unread int) {
		tree, err := Open(dir, opts)
		if err != nil {
			t.Fatal(err)
		}
		defer tree.Close()
		listings, err := tree.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range []Kind{Kubernetes, Workflow} {
			for _, f := range listings[kind].Files {
				files = append(files, string(kind)+" "+f.Path)
			}
		}
		return files, listings[Workflow].Notes, len(listings[Workflow].Unread)
	}
	files, notes, unread := list(Options{})
	want := []string{
		"kubernetes k8s/action.yaml", "workflow .github/workflows/ci.yml", "workflow Makefile", "workflow a/action.yml",
		"workflow deploy.sh", "workflow x.mk",
	}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if len(notes) != 1 || !strings.HasPrefix(notes[0], "old.sh is not UTF-8") || unread > 0 {
		t.Errorf("notes %q, %d unread", notes, unread)
	}
	if _, notes, unread := list(Options{Paths: []string{"old.sh"}}); unread != 1 || len(notes) > 0 {
		t.Errorf("a script that was named: notes %q, %d unread", notes, unread)
	}
}
