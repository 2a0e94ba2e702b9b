package kubernetes

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

// slow is from how many seconds on somebody says that a program starts slowly.
const slow = 60

var startupProbe = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "PRB-1.b", Name: "startup-probe", Points: []string{"PRB-1"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "A container that starts slowly has a startup probe",
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		each(w, func(c *kubernetes.Container) {
			delay := c.Node.Get("livenessProbe").Get("initialDelaySeconds")
			if wait, ok := seconds(delay, 1); !ok || wait < slow || !c.Node.Get("startupProbe").IsNull() {
				return
			}
			p.Report(lint.Problem{
				At: delay.At(), Subject: w.Subject(), Path: c.Path + ".startupProbe",
				Message: fmt.Sprintf("container %q: nothing looks at it for %s s after each start, hung or not; give it a startupProbe, and drop initialDelaySeconds", c.Name, delay.Text()),
			})
		}, kubernetes.Main, kubernetes.Sidecar)
	}),
}
