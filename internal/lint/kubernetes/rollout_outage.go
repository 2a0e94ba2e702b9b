package kubernetes

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var rolloutOutage = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "RES-3.l", Name: "rollout-outage", Points: []string{"RES-3"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "A rollout never stops all pods of a Deployment at once",
		Also:    []string{"deployment-strategy", "no-rolling-update-strategy"},
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		n, _, ok := w.Replicas()
		if w.Kind != "Deployment" || !ok || n < 2 || claims(w) {
			return
		}
		strategy := w.Node.Get("spec").Get("strategy")
		kind := strategy.Get("type")
		down := strategy.Get("rollingUpdate").Get("maxUnavailable")
		problem := lint.Problem{Subject: w.Subject(), Path: "spec.strategy"}
		switch {
		case kind.Text() == "Recreate":
			problem.At = kind.At()
			problem.Message = fmt.Sprintf("a rollout stops all %d pods before it starts one by %q; use RollingUpdate", n, "Recreate")
		case down.Text() == "100%" || atLeast(down.Text(), n):
			problem.At = down.At()
			problem.Message = fmt.Sprintf("a rollout may stop all %d pods at once by \"maxUnavailable: %s\"; lower it", n, down.Text())
		default:
			return
		}
		p.Report(problem)
	}),
}

func atLeast(text string, n int) bool {
	q, ok := kubernetes.ParseQuantity(text)
	return ok && q.Suffix == "" && q.CmpInt(int64(n)) >= 0
}
