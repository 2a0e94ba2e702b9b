package kubernetes

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var configMapUnused = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "SEC-3.b", Name: "config-map-unused", Points: []string{"SEC-3"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "Every ConfigMap of a complete set is used by something in it",
	},
	Run: on(func(p *lint.Pass, o *kubernetes.Object) {
		if !p.Complete || o.Set.Used("ConfigMap", o.Name) || o.Set.Said(o.Name) || o.Set.May("get", "configmaps") || readByOthers(o) {
			return
		}
		p.Report(lint.Problem{
			At: nameAt(o), Subject: o.Subject(), Path: "metadata.name",
			Message: fmt.Sprintf("ConfigMap %q is used by nothing in the manifests; drop it, or use it where it was meant to be", o.Name),
		})
	}, "", "ConfigMap"),
}

// readByOthers says that a program may find the ConfigMap by itself: by a label of
// its own (dashboards, scrapers), by its name, or by an annotation.
func readByOthers(o *kubernetes.Object) bool {
	for _, e := range o.Node.Get("metadata").Get("labels").Entries() {
		key := e.Key.Text()
		if key != "app" && !strings.HasPrefix(key, "app.kubernetes.io/") && !strings.HasPrefix(key, "helm.sh/") {
			return true
		}
	}
	return len(annotations(o)) > 0 || o.Namespace == "kube-system" || o.Name == ""
}
