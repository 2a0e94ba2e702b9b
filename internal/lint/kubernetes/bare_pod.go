package kubernetes

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var barePod = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "OBS-4.a", Name: "bare-pod", Points: []string{"OBS-4"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "Pods are made by what replaces them and can roll them back",
		Also:    []string{},
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		metadata := w.Node.Get("metadata")
		owned := len(metadata.Get("ownerReferences").Items()) > 0
		hook := metadata.Get("annotations").Get("helm.sh/hook").Exists() // a test, say
		var message string
		switch {
		case owned, hook, w.RunsToEnd():
			return
		case w.Kind == "Pod":
			message = fmt.Sprintf("pod %q is made by nobody, so that it is gone with its node and cannot be changed in place; make it the template of a Deployment", w.Name)
		case w.Kind == "ReplicaSet", w.Kind == "ReplicationController":
			message = fmt.Sprintf("%s %q knows no rollout, so that a new image reaches no pod that runs and none can be rolled back; make it a Deployment", w.Kind, w.Name)
		default:
			return
		}
		p.Report(lint.Problem{At: or(w.Node.Get("kind").At(), w.Node.At()), Subject: w.Subject(), Path: "kind", Message: message})
	}),
}
