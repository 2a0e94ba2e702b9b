package kubernetes

import (
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var untraced = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "OBS-4.c", Name: "untraced", Points: []string{"OBS-4"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "What runs can be traced to the commit that it came from",
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		if !demanding(p) || w.Set.Anywhere().First() != w || w.Set.Anywhere().Delivered() {
			return
		}
		if slices.ContainsFunc(w.Set.Anywhere().Workloads(), traced) {
			return
		}
		p.Report(lint.Problem{
			At: nameAt(w.Object), Subject: "Set", Path: "revision", Excerpt: "manifests",
			Message: "nothing in the manifests says which revision they are or who applies them; have Argo CD or Flux apply them, or annotate what runs with its revision",
		})
	}),
}

// traced says that a label or annotation tells the revision, or who put it there.
func traced(w *kubernetes.Workload) bool {
	for _, metadata := range []kubernetes.Node{w.Node.Get("metadata"), w.Template.Get("metadata")} {
		for _, field := range []string{"annotations", "labels"} {
			for _, e := range metadata.Get(field).Entries() {
				for _, word := range []string{"revision", "commit", "git", "managed-by", "helm.sh/chart", "argocd", "fluxcd", "skaffold"} {
					if strings.Contains(strings.ToLower(e.Key.Text()), word) {
						return true
					}
				}
			}
		}
	}
	return false
}
