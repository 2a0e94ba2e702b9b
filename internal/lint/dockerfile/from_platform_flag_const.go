package dockerfile

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var fromPlatformFlagConst = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "BLD-FromPlatformFlagConstDisallowed", Name: "from-platform-flag-const", Severity: finding.Low, Since: "0.1.0",
		Summary: "The platform of a base is the one that is asked for",
		Also:    []string{"FromPlatformFlagConstDisallowed", "DL3029"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		each(p, f, "FromPlatformFlagConstDisallowed", func(w warned) (lint.Problem, bool) {
			at := w.flag("platform")
			return lint.Problem{At: at, Path: "platform", Message: fmt.Sprintf("the platform is always %q, whatever the build asks for; leave --platform out, or put the architecture into the name of the stage", f.Source.Slice(at))}, true
		})
	},
}
