package dockerfile

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var stageNameCasing = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "BLD-StageNameCasing", Name: "stage-name-casing", Severity: finding.Info, Since: "0.1.0",
		Summary: "Stages have names in lower case",
		Also:    []string{"StageNameCasing"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		each(p, f, "StageNameCasing", func(w warned) (lint.Problem, bool) {
			at := w.argument(2)
			name := f.Source.Slice(at)
			return lint.Problem{At: at, Path: "name", Message: fmt.Sprintf("the name %q is not in lower case, and stands for %q; write that", name, strings.ToLower(name))}, true
		})
	},
}
