package compose

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
)

var serviceImageLatest = lint.Check[*project]{
	Rule: finding.Rule{
		ID: "IMG-3.m", Name: "service-image-latest", Points: []string{"IMG-3"}, Severity: finding.High, Since: "0.1.0",
		Summary: "Every image that a Compose project pulls names a version",
		Also:    []string{"service-image-require-explicit-tag"},
	},
	Run: func(p *lint.Pass, pr *project) {
		tell := pr.teller(p)
		for _, s := range pr.Services {
			image, ok := s.Image()
			if !ok || !image.Floating() {
				continue
			}
			v := s.Get("image")
			what := "has no tag and so means \"latest\","
			if image.Tag != "" {
				what = "has the tag \"latest\","
			}
			problem := about(s, "image", v.At(), fmt.Sprintf("service %q: image %q%s %s which moves with every release; name a version and a digest", s.Name, v.Node.Text(), means(v.Node.Text(), image.String()), what))
			if v.Variables { // whoever starts it may name a version
				problem.Severity = finding.Medium
			}
			tell(problem)
		}
	},
}

// means adds what variables make of a text, when there are any.
func means(written, text string) string {
	if strings.TrimSpace(written) == text {
		return ""
	}
	return " (" + text + ")"
}
