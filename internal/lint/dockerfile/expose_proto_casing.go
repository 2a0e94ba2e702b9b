package dockerfile

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var exposeProtoCasing = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "BLD-ExposeProtoCasing", Name: "expose-proto-casing", Severity: finding.Info, Since: "0.1.0",
		Summary: "The protocols of ports are written in lower case",
		Also:    []string{"ExposeProtoCasing"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		each(p, f, "ExposeProtoCasing", func(w warned) (lint.Problem, bool) {
			word, at := exposed(w, func(port string) bool { return port != strings.ToLower(port) })
			return lint.Problem{At: at, Path: "protocol", Message: fmt.Sprintf("the protocol of %q is not in lower case; write %q", word, strings.ToLower(word))}, true
		})
	},
}
