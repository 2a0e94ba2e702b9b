package runnertest

import (
	"strings"
	"testing"
)

func TestOurActionIsOne(t *testing.T) {
	t.Parallel()
	m, err := ReadManifest("../../../../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	// In a pod the entrypoint must be named; arguments would be a way in (a value that
	// ends in a backslash leaves the runner's quotes).
	if !strings.HasPrefix(m.Entrypoint, "/") || len(m.Args) > 0 || len(m.Env) > 0 {
		t.Errorf("entrypoint %q, args %q, env %v", m.Entrypoint, m.Args, m.Env)
	}
}

const good = `
name: Hello World
description: Greet the world
author: Test
inputs:
  greeting:
    description: what to say
    required: true
    default: Hello
  token:
    description: the token
    default: ${{ github.token }}
outputs:
  time:
    description: when
runs:
  using: docker
  image: Dockerfile
  args: ["${{ inputs.greeting }}"]
  entrypoint: main.sh
  env:
    Token: foo
    Url: ${{ inputs.entryPoint }}
`

// Good and the first bad case are src/Test/TestData/dockerfileaction_arg_env_expression.yml
// and dockerfileaction_env_invalid_context.yml.
func TestManifest(t *testing.T) {
	t.Parallel()
	m, err := ParseManifest([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if m.Entrypoint != "main.sh" || len(m.Inputs) != 2 || m.Inputs[0].Default != "Hello" || m.Args[0] != "${{ inputs.greeting }}" || len(m.Env) != 2 {
		t.Errorf("%+v", m)
	}
	for _, change := range [][2]string{
		{"Token: foo", "Token: ${{ github.event.repository.private }}"},
		{"github.token", "secrets.token"},
		{"${{ github.token }}", "${{ format('{0}', github.token) }}"},
		{"author: Test", "color: green"},
		{"what to say", "what ${{ github.actor }} says"},
		{"    required: true", "    type: boolean"},
		{"  token:", "  Greeting:"},
		{"  image: Dockerfile", "  main: index.js"},
		{"using: docker", "using: node24"},
		{"author: Test", "branding: {icon: anchor, color: navy}"},
	} {
		if _, err := ParseManifest([]byte(strings.Replace(good, change[0], change[1], 1))); err == nil {
			t.Errorf("%q is accepted", change[1])
		}
	}
}
