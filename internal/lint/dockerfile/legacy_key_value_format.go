package dockerfile

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var legacyKeyValueFormat = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "BLD-LegacyKeyValueFormat", Name: "legacy-key-value-format", Severity: finding.Low, Since: "0.1.0",
		Summary: "ENV and LABEL are written with an equals sign",
		Also:    []string{"LegacyKeyValueFormat"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		each(p, f, "LegacyKeyValueFormat", func(w warned) (lint.Problem, bool) {
			key := f.Source.Slice(w.argument(0))
			return lint.Problem{At: w.argument(0), Path: "format", Message: fmt.Sprintf("%s %q is followed by white space, which is the old format for one value; write %s=…", w.in.Name, key, key)}, true
		})
	},
}
