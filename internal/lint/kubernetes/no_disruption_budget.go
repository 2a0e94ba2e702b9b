package kubernetes

import (
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var noDisruptionBudget = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "RES-3.a", Name: "no-disruption-budget", Points: []string{"RES-3"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "The pods of a workload do not all go at once: a budget keeps some, and they run on several nodes",
		Also: []string{
			"deployment-has-poddisruptionbudget", "statefulset-has-poddisruptionbudget", "missingPodDisruptionBudget", "no-anti-affinity",
			"deployment-has-host-podantiaffinity", "statefulset-has-host-podantiaffinity", "topologySpreadConstraint",
			"pod-topology-spread-constraints",
		},
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		if w.Kind != "Deployment" && w.Kind != "StatefulSet" {
			return
		}
		n, known := w.Set.Replicas(w)
		if !known || n < 2 {
			return
		}
		budget, spread := len(w.Set.Anywhere().Budgets(w)) > 0, spreads(w)
		problem := lint.Problem{
			At: or(w.Node.Get("spec").Get("replicas").At(), nameAt(w.Object)), Subject: w.Subject(), Path: "spec.replicas",
		}
		switch {
		case !budget && !spread:
			problem.Message = count(n, "pod") + ", and nothing keeps them from being evicted at once or from running on one node; add a PodDisruptionBudget and topologySpreadConstraints"
		case !budget:
			problem.Message = count(n, "pod") + ", and nothing keeps them from being evicted at once; add a PodDisruptionBudget"
		case !spread && demanding(p):
			// The scheduler spreads them a little of its own accord.
			problem.Severity = finding.Low
			problem.Message = count(n, "pod") + ", and nothing says that they run on several nodes; add topologySpreadConstraints"
		default:
			return
		}
		p.Report(problem)
	}),
}

// spreads says that the pods of a workload ask to run on several nodes.
func spreads(w *kubernetes.Workload) bool {
	if len(w.Pod.Get("topologySpreadConstraints").Items()) > 0 {
		return true
	}
	apart := w.Pod.Get("affinity").Get("podAntiAffinity")
	return len(apart.Get("requiredDuringSchedulingIgnoredDuringExecution").Items())+len(apart.Get("preferredDuringSchedulingIgnoredDuringExecution").Items()) > 0
}
