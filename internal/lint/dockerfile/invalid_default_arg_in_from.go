package dockerfile

import (
	"fmt"
	"slices"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var invalidDefaultArgInFrom = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "BLD-InvalidDefaultArgInFrom", Name: "invalid-default-arg-in-from", Severity: finding.Low, Since: "0.1.0",
		Summary: "With the defaults of its arguments a FROM names an image",
		Also:    []string{"InvalidDefaultArgInFrom"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		declared := declarations(f)
		each(p, f, "InvalidDefaultArgInFrom", func(w warned) (lint.Problem, bool) {
			if w.stage == nil {
				return lint.Problem{}, false
			}
			for name := range dockerfile.Uses(w.stage.Base.Text) {
				if !declared[nil][name] && !slices.Contains(predefined, name) {
					return lint.Problem{}, false // BLD-UndefinedArgInFrom says why
				}
			}
			base := w.stage.Base.Text
			return lint.Problem{At: w.stage.Base.At, Path: "base[" + base + "]", Message: fmt.Sprintf("without build arguments %q names no image; give the ARG before it a default", base)}, true
		})
	},
}
