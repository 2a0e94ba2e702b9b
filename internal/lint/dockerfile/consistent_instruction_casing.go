package dockerfile

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var consistentInstructionCasing = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "BLD-ConsistentInstructionCasing", Name: "consistent-instruction-casing", Severity: finding.Info, Since: "0.1.0",
		Summary: "All instructions are written in the same case",
		Also:    []string{"ConsistentInstructionCasing"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		each(p, f, "ConsistentInstructionCasing", func(w warned) (lint.Problem, bool) {
			written := f.Source.Slice(w.name())
			better := strings.ToUpper(written)
			if strings.HasSuffix(w.text, "(lowercase)") {
				better = strings.ToLower(written)
			}
			return lint.Problem{At: w.name(), Path: "casing", Message: fmt.Sprintf("%q is written in another case than most instructions; write %s", written, better)}, true
		})
	},
}
