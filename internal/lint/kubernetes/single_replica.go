package kubernetes

import (
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var singleReplica = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "RES-3.k", Name: "single-replica", Points: []string{"RES-3"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "A Deployment behind a Service has more than one pod",
		Also:    []string{"deployment-replicas", "deploymentMissingReplicas", "minimum-three-replicas"},
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		if w.Kind != "Deployment" || !w.Set.Served(w) || single(w) {
			return
		}
		scalers, others := w.Set.Scalers(w)
		n, at, ok := w.Replicas()
		if len(scalers)+len(others) > 0 || !ok || n != 1 || !at.Exists() && !p.Complete {
			return
		}
		problem := lint.Problem{
			At: or(at.At(), w.Node.Key("spec").At()), Subject: w.Subject(), Path: "spec.replicas",
			Message: "one pod answers for a Service, so that a node that is drained is an outage; ask for two replicas, or say why there can be one only",
		}
		if demanding(p) {
			problem.Severity = finding.Medium
		}
		p.Report(problem)
	}),
}

// single says that a workload is written to be one pod: it keeps data on a volume
// that one node mounts, replaces the pod before it starts the next, or has a leader.
func single(w *kubernetes.Workload) bool {
	if w.Node.Get("spec").Get("strategy").Get("type").Text() == "Recreate" || claims(w) {
		return true
	}
	for _, c := range w.Containers() {
		for _, word := range c.Command() {
			if strings.Contains(word.Text(), "leader-elect") {
				return true
			}
		}
	}
	return false
}

// claims says that the pods keep data on a claimed volume.
func claims(w *kubernetes.Workload) bool {
	for _, v := range w.Pod.Get("volumes").Items() {
		if v.Get("persistentVolumeClaim").Exists() {
			return true
		}
	}
	return false
}
