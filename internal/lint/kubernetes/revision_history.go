package kubernetes

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var revisionHistory = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "OBS-4.b", Name: "revision-history", Points: []string{"OBS-4"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "A rollout can be undone",
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		limit := w.Node.Get("spec").Get("revisionHistoryLimit")
		if limit.Text() != "0" {
			return
		}
		p.Report(lint.Problem{
			At: limit.At(), Subject: w.Subject(), Path: "spec.revisionHistoryLimit",
			Message: fmt.Sprintf("%s %q keeps no former revision, so that \"kubectl rollout undo\" has nothing to go back to; keep one at least", w.Kind, w.Name),
		})
	}),
}
