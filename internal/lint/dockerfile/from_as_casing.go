package dockerfile

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var fromAsCasing = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "BLD-FromAsCasing", Name: "from-as-casing", Severity: finding.Info, Since: "0.1.0",
		Summary: "FROM and its AS are written in the same case",
		Also:    []string{"FromAsCasing"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		each(p, f, "FromAsCasing", func(w warned) (lint.Problem, bool) {
			as, from := w.argument(1), f.Source.Slice(w.name())
			return lint.Problem{At: as, Path: "as", Message: fmt.Sprintf("%q is written in another case than its %s; write both alike", f.Source.Slice(as), from)}, true
		})
	},
}
