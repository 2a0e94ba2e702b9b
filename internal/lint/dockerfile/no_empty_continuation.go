package dockerfile

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var noEmptyContinuation = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "BLD-NoEmptyContinuation", Name: "no-empty-continuation", Severity: finding.Low, Since: "0.1.0",
		Summary: "No line is empty within an instruction",
		Also:    []string{"NoEmptyContinuation"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		each(p, f, "NoEmptyContinuation", func(w warned) (lint.Problem, bool) {
			at := w.in.At
			for n := at.Line + 1; n <= at.EndLine; n++ {
				line, _ := f.Source.Line(n)
				if strings.TrimSpace(line) != "" {
					continue
				}
				above, _ := f.Source.Line(n - 1)
				end := f.Source.LineStart(n-1) + len(strings.TrimRight(above, " \t"))
				return lint.Problem{
					At: f.Source.Span(max(f.Source.LineStart(n-1), end-1), end), Path: "empty-line",
					Message: fmt.Sprintf("the instruction continues on line %d, which is empty, and BuildKit will refuse that; remove the empty line, or put a # there", n),
				}, true
			}
			return lint.Problem{At: at, Path: "empty-line", Message: "the instruction continues on an empty line, which BuildKit will refuse; remove the empty line, or put a # there"}, true
		})
	},
}
