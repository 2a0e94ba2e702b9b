package dockerfile

import (
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var healthKubelet = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "PRB-4.h", Name: "health-kubelet", Points: []string{"PRB-4"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "It is known that Kubernetes does not run the health check of an image",
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		final := f.Final()
		in, stage := lastHealth(final)
		if !document(p) || in == nil || in.Script == nil {
			return
		}
		p.Report(lint.Problem{
			At: in.At, Subject: f.Subject(stage), Path: "healthcheck",
			Message: "Kubernetes ignores HEALTHCHECK, and an image in the OCI format may lose it; give the pod probes that ask the same",
		})
	},
}
