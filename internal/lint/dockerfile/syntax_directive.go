package dockerfile

import (
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var syntaxDirective = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "COR-44", Name: "syntax-directive", Severity: finding.Low, Since: "0.1.0",
		Summary: "A Dockerfile says which syntax it is written in",
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		if !document(p) || f.Syntax != "" || len(f.Stages) == 0 {
			return
		}
		p.Report(lint.Problem{
			At: f.Stages[0].From.At, Subject: f.Source.Path, Path: "syntax",
			Message: "no syntax directive, so that the engine's own release decides what the file means; begin it with \"# syntax=docker/dockerfile:1\"",
		})
	},
}
