package dockerfile

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var redundantTargetPlatform = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "BLD-RedundantTargetPlatform", Name: "redundant-target-platform", Severity: finding.Info, Since: "0.1.0",
		Summary: "FROM does not ask for the platform that it has anyhow",
		Also:    []string{"RedundantTargetPlatform", "DL3065"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		each(p, f, "RedundantTargetPlatform", func(w warned) (lint.Problem, bool) {
			at := w.flag("platform")
			return lint.Problem{At: at, Path: "platform", Message: fmt.Sprintf("%q is what FROM takes without being told; leave --platform out", f.Source.Slice(at))}, true
		})
	},
}
