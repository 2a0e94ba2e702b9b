package kubernetes

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var terminationMessage = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "OBS-2.a", Name: "termination-message", Points: []string{"OBS-2"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "The last words of a container that fails are kept in its status",
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		if !demanding(p) {
			return
		}
		for _, c := range w.Containers() {
			policy := c.Node.Get("terminationMessagePolicy")
			if policy.Text() == "FallbackToLogsOnError" || c.Role == kubernetes.Ephemeral || !c.Node.Get("terminationMessagePath").IsNull() {
				continue
			}
			edits, ok := setting(c.Node, "terminationMessagePolicy", "FallbackToLogsOnError")
			p.Report(lint.Problem{
				At: or(policy.At(), c.At()), Subject: w.Subject(), Path: c.Path + ".terminationMessagePolicy",
				Message: fmt.Sprintf("container %q leaves no word in its status when it fails; set terminationMessagePolicy: FallbackToLogsOnError", c.Name),
				Fix:     lint.Mend(finding.Safe, "set terminationMessagePolicy: FallbackToLogsOnError", edits, ok),
			})
		}
	}),
}
