package dockerfile

import (
	"fmt"
	"path"
	"slices"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var dependencyLayer = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "IMG-2.c", Name: "dependency-layer", Points: []string{"IMG-2"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "What changes rarely is copied before what changes with every commit",
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		final := f.Final()
		program, at := "", finding.Location{}
		for _, in := range final.Instructions {
			from, _, ok := in.Flag("from")
			sources, _ := in.Paths()
			if !ok || in.Name != "COPY" || len(sources) != 1 || f.CopiedStage(final, in, from) == nil {
				continue
			}
			if _, _, linked := in.Flag("link"); linked {
				continue
			}
			name := path.Base(sources[0].Text)
			switch {
			case slices.Contains([]string{"dist", "build", "out", ".next", ".output", "src", "app", "public", "static"}, name):
				if program == "" {
					program, at = name, in.At
				}
			case program != "" && slices.Contains([]string{"node_modules", "site-packages", "vendor", ".venv", "venv", "bundle"}, name):
				p.Report(lint.Problem{
					At: in.At, Subject: f.Subject(final), Path: "copy[" + name + "]", Related: []finding.Location{at},
					Message: fmt.Sprintf("%q changes rarely but is copied after %q, so that every commit pushes it again; copy it first", name, program),
				})
			}
		}
	},
}
