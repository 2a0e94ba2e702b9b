package dockerfile

import (
	"fmt"
	"regexp"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var workdirRelativePath = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "BLD-WorkdirRelativePath", Name: "workdir-relative-path", Severity: finding.Low, Since: "0.1.0",
		Summary: "The first WORKDIR of an image is absolute",
		Also:    []string{"WorkdirRelativePath", "DL3000", "DS-0009"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		each(p, f, "WorkdirRelativePath", func(w warned) (lint.Problem, bool) {
			at := w.in.ArgumentsAt()
			text := f.Source.Slice(at)
			if w.stage == nil || w.in.Name != "WORKDIR" || w.stage.Windows() || drive.MatchString(text) {
				return lint.Problem{}, false
			}
			if _, known := f.Expand(w.stage, w.in, text); !known {
				return lint.Problem{}, false // the base may set what it begins with
			}
			return lint.Problem{At: at, Path: "workdir", Message: fmt.Sprintf("where %q lies is up to the base image; begin it with a slash", text)}, true
		})
	},
}

// drive begins an absolute path on Windows.
var drive = regexp.MustCompile(`^["']?[A-Za-z]:`)
