package dockerfile

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var baseLatest = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "IMG-3.a", Name: "base-latest", Points: []string{"IMG-3"}, Severity: finding.High, Since: "0.1.0",
		Summary: "Every image that a Dockerfile builds on names a version",
		Also:    []string{"DL3006", "DL3007", "DS-0001", "CKV_DOCKER_7"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		for _, s := range f.Stages {
			if s.Parent == nil && !s.Base.Known {
				p.Unknown(fmt.Sprintf("nobody knows what %q means until it is built", s.Base.Text))
			}
		}
		for _, e := range externals(f) {
			if !e.image.Floating() {
				continue
			}
			what := "has no tag and so means \"latest\","
			if e.image.Tag != "" {
				what = "has the tag \"latest\","
			}
			p.Report(lint.Problem{
				At: e.at, Subject: f.Subject(e.stage), Path: e.role,
				Message: fmt.Sprintf("%s%s %s which moves with every release; name a version and a digest", e.named(), e.means(), what),
			})
		}
	},
}
