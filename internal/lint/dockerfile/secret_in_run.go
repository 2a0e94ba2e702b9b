package dockerfile

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var secretInRun = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "SEC-1.e", Name: "secret-in-run", Points: []string{"SEC-1"}, Severity: finding.High, Since: "0.1.0",
		Summary: "No command of a build holds a secret",
		Also:    []string{"CKV2_DOCKER_17", "CIS-DI-0010", "tally/secrets-in-code"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		for _, secret := range f.Literals() {
			severity := finding.High
			if secret.Weak {
				severity = finding.Medium
			}
			p.Report(lint.Problem{
				At: secret.At, Subject: f.Subject(secret.Stage), Path: "run[" + secret.What + "]", Severity: severity, Excerpt: secret.What,
				Message: fmt.Sprintf("the command holds %s, which stays in the image's history; mount it with RUN --mount=type=secret", secret.What),
			})
		}
	},
}
