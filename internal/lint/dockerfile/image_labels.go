package dockerfile

import (
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var imageLabels = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "OBS-3.d", Name: "image-labels", Points: []string{"OBS-3"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "The image says which source and revision it was made from",
		Also:    []string{"DL3049"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		final := f.Final()
		if !document(p) || len(final.Instructions) == 0 {
			return // a build adds them as well, which the Dockerfile does not show
		}
		for _, s := range final.Chain() {
			for _, in := range s.Instructions {
				if in.Name == "LABEL" && strings.Contains(f.Source.Slice(in.At), "org.opencontainers.image.") {
					return
				}
			}
		}
		p.Report(lint.Problem{
			At: final.From.At, Subject: f.Subject(final), Path: "labels",
			Message: "the final image has no OCI labels; set org.opencontainers.image.source and org.opencontainers.image.revision, here or when it is built",
		})
	},
}
