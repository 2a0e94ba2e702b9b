package dockerfile

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var reservedStageName = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "BLD-ReservedStageName", Name: "reserved-stage-name", Severity: finding.Medium, Since: "0.1.0",
		Summary: "No stage has a name that means something else",
		Also:    []string{"ReservedStageName", "DL3063"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		each(p, f, "ReservedStageName", func(w warned) (lint.Problem, bool) {
			at := w.argument(2)
			return lint.Problem{At: at, Path: "name", Message: fmt.Sprintf("the stage cannot be told from what %q means to BuildKit; give it another name", f.Source.Slice(at))}, true
		})
	},
}
