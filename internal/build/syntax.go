package build

import (
	"bytes"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// Stages parses a Dockerfile, also with "# check=" above an instruction: BuildKit
// merges that into its linter, and falls over where there is none. The ARGs are those
// before the first FROM.
func Stages(dockerfile []byte) (*parser.Result, []instructions.Stage, []instructions.ArgCommand, error) {
	tree, err := parser.Parse(bytes.NewReader(dockerfile))
	if err != nil {
		return nil, nil, nil, err
	}
	for _, node := range tree.AST.Children {
		node.PrevComment = nil
	}
	stages, args, err := instructions.Parse(tree.AST, nil)
	return tree, stages, args, err
}

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
