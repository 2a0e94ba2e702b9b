package kubernetes

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var probesMissing = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "PRB-1.a", Name: "probes-missing", Points: []string{"PRB-1"}, Severity: finding.High, Since: "0.1.0",
		Summary: "Every long-running container has a readiness and a liveness probe",
		Also:    []string{"pod-probes", "no-readiness-probe", "no-liveness-probe", "CKV_K8S_8", "CKV_K8S_9", "readinessProbeMissing", "livenessProbeMissing"},
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		if w.RunsToEnd() {
			return
		}
		served := w.Set.Served(w)
		for _, c := range w.Containers() {
			if c.Role == kubernetes.Init || c.Role == kubernetes.Ephemeral {
				continue
			}
			var missing []string
			for _, probe := range []string{"readinessProbe", "livenessProbe"} {
				if c.Node.Get(probe).IsNull() {
					missing = append(missing, probe)
				}
			}
			if len(missing) == 0 {
				continue
			}
			severity := finding.High
			switch {
			case c.Role == kubernetes.Sidecar:
				severity = finding.Medium
			case len(missing) == 1 && missing[0] == "readinessProbe" && !served && len(c.Node.Get("ports").Items()) == 0:
				severity = finding.Low // nothing seen here sends it requests
			}
			p.Report(lint.Problem{
				At: c.At(), Subject: w.Subject(), Path: c.Path + ".probes", Severity: lower(p, c.At(), severity),
				Message: fmt.Sprintf("container %q has no %s; probe an endpoint that fails when it does", c.Name, strings.Join(missing, " and no ")),
			})
		}
	}),
}
