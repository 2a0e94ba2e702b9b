package dockerfile

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var undefinedArgInFrom = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "BLD-UndefinedArgInFrom", Name: "undefined-arg-in-from", Severity: finding.High, Since: "0.1.0",
		Summary: "A FROM uses arguments that are declared before it",
		Also:    []string{"UndefinedArgInFrom"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		for _, s := range f.Stages {
			for _, m := range reference.FindAllStringSubmatch(s.Base.Text, -1) {
				name := m[1] + m[2] // one of them is empty
				if slices.Contains(predefined, name) || slices.ContainsFunc(f.Variables(), func(v dockerfile.Variable) bool { return v.Stage == nil && v.Name == name }) {
					continue
				}
				p.Report(lint.Problem{
					At: s.Base.At, Subject: f.Subject(s), Path: "base[" + name + "]",
					Message: fmt.Sprintf("no ARG before the first FROM declares %q, so that it is empty here whatever the build gives; declare it", name),
				})
			}
		}
	},
}

// reference is a name without a default of its own. A dot in it is of a template that
// something else fills in ("${node.version}").
var reference = regexp.MustCompile(`\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))`)

// predefined are the arguments that BuildKit knows without a declaration.
var predefined = []string{
	"BUILDPLATFORM", "BUILDOS", "BUILDOSVERSION", "BUILDARCH", "BUILDVARIANT", "TARGETPLATFORM", "TARGETOS", "TARGETOSVERSION", "TARGETARCH", "TARGETVARIANT", "TARGETSTAGE",
}
