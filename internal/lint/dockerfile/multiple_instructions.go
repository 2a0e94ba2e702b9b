package dockerfile

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var multipleInstructions = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "BLD-MultipleInstructionsDisallowed", Name: "multiple-instructions", Points: []string{"PRB-4"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "A stage has one CMD, one ENTRYPOINT and one HEALTHCHECK",
		Also:    []string{"MultipleInstructionsDisallowed", "DL4003", "DL4004", "DL3012", "DS-0007", "DS-0016", "DS-0023"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		for _, s := range f.Stages {
			last := map[string]*dockerfile.Instruction{}
			for _, in := range s.Instructions {
				if in.Name != "CMD" && in.Name != "ENTRYPOINT" && in.Name != "HEALTHCHECK" {
					continue
				}
				if before := last[in.Name]; before != nil {
					p.Report(lint.Problem{
						At: before.At, Subject: f.Subject(s), Path: strings.ToLower(in.Name), Related: []finding.Location{in.At},
						Message: fmt.Sprintf("this %s has no effect, a later one of the stage replaces it; remove one of them", in.Name),
					})
				}
				last[in.Name] = in
			}
		}
	},
}
