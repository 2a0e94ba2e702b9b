package build

import (
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// Syntax returns the frontend image that a Dockerfile asks for in its
// "# syntax=" line, and the line's number; empty when it asks for none.
func Syntax(dockerfile []byte) (reference string, line int) {
	reference, _, where, ok := parser.DetectSyntax(dockerfile)
	if !ok {
		return "", 0
	}
	return reference, place("", where).Line
}

// StandardSyntax says whether a frontend image is Docker's own, in any version:
// the frontend that BuildKit carries builtin understands the same language.
func StandardSyntax(reference string) bool {
	name, _, _ := strings.Cut(reference, "@")
	for _, registry := range []string{"docker.io/", "index.docker.io/", "registry-1.docker.io/"} {
		name = strings.TrimPrefix(name, registry)
	}
	name, _, _ = strings.Cut(name, ":")
	return name == "docker/dockerfile" || name == "docker/dockerfile-upstream"
}
