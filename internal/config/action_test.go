package config_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/plimsoll-ci/plimsoll/internal/config"
)

var update = flag.Bool("update", false, "rewrite what is generated")

// The action's file says what the code says, and the YAML is what was meant.
func TestActionFile(t *testing.T) {
	t.Parallel()
	want := config.ActionFile("Dockerfile")
	path := filepath.Join("..", "..", "action.yml")
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		if !*update {
			t.Fatalf("action.yml is not what the code says; run: make generate (%v)", err)
		}
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var action struct {
		Inputs map[string]struct {
			Description string
			Default     *string
		}
		Outputs map[string]struct{ Description string }
		Runs    map[string]string
	}
	if err := yaml.Unmarshal([]byte(want), &action); err != nil {
		t.Fatal(err)
	}
	for _, s := range config.Inputs() {
		input, ok := action.Inputs[s.Name]
		if !ok || input.Description == "" {
			t.Errorf("input %s is missing or says nothing", s.Name)
		}
		if input.Default != nil && !s.InputOnly {
			t.Errorf("input %s has a default, which would win over the file", s.Name)
		}
	}
	check(t, "outputs", len(config.Outputs()), len(action.Outputs))
	check(t, "runs", map[string]string{"using": "docker", "image": "Dockerfile", "entrypoint": "/usr/local/bin/plimsoll"}, action.Runs)
}

// An input of the action that is empty is not given: every input that nobody
// wrote arrives as an empty variable.
func TestInputsOfTheAction(t *testing.T) {
	t.Chdir(t.TempDir())
	c, _, err := config.Load("gate", nil, environment(
		"INPUT_COMMAND", "lint", "INPUT_GITHUB-TOKEN", "ghs_x", "INPUT_CACHE-FROM", "type=registry,ref=a/b\ntype=gha\n", "INPUT_DRIVER", "",
	))
	if err != nil {
		t.Fatal(err)
	}
	check(t, "command", "lint", c.Command)
	check(t, "token", "ghs_x", c.GitHubToken)
	check(t, "one cache a line", []string{"type=registry,ref=a/b", "type=gha"}, c.CacheFrom)
	check(t, "driver", "auto", c.Driver)
	if _, _, err := config.Load("gate", []string{"--github-token=x"}, none); err == nil {
		t.Error("a token on the command line is taken; everybody on the machine can read it there")
	}
}
