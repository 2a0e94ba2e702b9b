package dockerfile

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var cacheMount = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "IMG-1.e", Name: "cache-mount", Points: []string{"IMG-1"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "What a package manager downloads is kept between builds",
		Also:    []string{"tally/prefer-package-cache-mounts"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		for l := range layers(f.Stages) {
			for _, c := range l.commands() {
				sub, _, _ := c.Sub()
				if !document(p) || ships(f, l.stage) || c.Name != "npm" || sub != "ci" && sub != "install" || l.mounted("npm") {
					continue
				}
				p.Report(lint.Problem{
					At: c.At, Subject: f.Subject(l.stage), Path: "run[" + command(c) + "]",
					Message: fmt.Sprintf("%q downloads everything again whenever its layer is made; add --mount=type=cache,target=/root/.npm to the RUN", command(c)),
				})
				break
			}
		}
	},
}
