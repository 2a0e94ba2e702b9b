package dockerfile

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var baseDigest = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "IMG-3.b", Name: "base-digest", Points: []string{"IMG-3"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "Every image that a Dockerfile builds on is pinned by digest",
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		for _, e := range externals(f) {
			if e.image.Digest != "" || e.image.Floating() { // base-latest reports the latter
				continue
			}
			p.Report(lint.Problem{
				At: e.at, Subject: f.Subject(e.stage), Path: e.role,
				Message: fmt.Sprintf("%s%s has a tag but no digest, so that two builds can differ; pin it as \"%s@sha256:…\"", e.named(), e.means(), e.image),
				Fix:     &finding.Fix{Class: finding.Verified, Message: "pin the digest that the tag names when it is built"},
			})
		}
	},
}
