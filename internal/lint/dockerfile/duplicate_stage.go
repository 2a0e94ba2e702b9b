package dockerfile

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var duplicateStage = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "BLD-DuplicateStageName", Name: "duplicate-stage", Severity: finding.Medium, Since: "0.1.0",
		Summary: "No two stages have the same name",
		Also:    []string{"DuplicateStageName", "DL3024", "DS-0012", "CKV_DOCKER_11"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		for i, s := range f.Stages {
			for _, other := range f.Stages[:i] {
				if s.Name != "" && s.Name == other.Name {
					p.Report(lint.Problem{
						At: s.From.At, Subject: f.Subject(s), Path: "name", Related: []finding.Location{other.From.At},
						Message: fmt.Sprintf("the stage %q stands twice, so that the first cannot be told from this one; rename one of them", s.Name),
					})
					break
				}
			}
		}
	},
}
