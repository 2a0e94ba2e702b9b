package kubernetes

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var probeTiming = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "PRB-3.b", Name: "probe-timing", Points: []string{"PRB-3"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "A probe waits no longer than until the next one, and one success is enough to live",
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		for _, c := range w.Containers() {
			for _, h := range c.Handlers() {
				if !h.Probe() {
					continue
				}
				report := func(at kubernetes.Node, field string, severity finding.Severity, format string, args ...any) {
					p.Report(lint.Problem{
						At: at.At(), Subject: w.Subject(), Path: c.Path + "." + h.Name + "." + field, Severity: severity,
						Message: fmt.Sprintf("container %q: its %s ", c.Name, h.Name) + fmt.Sprintf(format, args...),
					})
				}
				waits := h.Node.Get("timeoutSeconds")
				timeout, ok := seconds(waits, 1)
				period, known := seconds(h.Node.Get("periodSeconds"), 10)
				if ok && known && timeout > period {
					report(waits, "timeoutSeconds", finding.Medium, "waits %d s for an answer and is due every %d s, so that failures are counted late; lower timeoutSeconds, or raise periodSeconds", timeout, period)
				}
				successes := h.Node.Get("successThreshold")
				if n, ok := seconds(successes, 1); ok && n > 1 && h.Name != "readinessProbe" {
					report(successes, "successThreshold", finding.High, "asks for %d successes, and the API takes none but 1; drop successThreshold", n)
				}
			}
		}
	}),
}
