package kubernetes

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var namespaceMissing = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "OBS-3.c", Name: "namespace-missing", Points: []string{"OBS-3"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "Workloads and Services say which namespace they are in",
		Also:    []string{"KSV-0110", "CKV_K8S_21", "use-namespace"},
	},
	Run: func(p *lint.Pass, o *kubernetes.Object) {
		_, runs := o.Workload()
		// Helm, Kustomize and what applies them set it, which the manifest does not show.
		if !demanding(p) || o.Namespace != "" || o.File.Source.Rendered() || !runs && (o.Kind != "Service" || o.Group() != "") {
			return
		}
		p.Report(lint.Problem{
			At: or(o.Node.Key("metadata").At(), o.Node.At()), Subject: o.Subject(), Path: "metadata.namespace",
			Message: fmt.Sprintf("%s %q goes to whatever namespace is set where it is applied, \"default\" if none; set metadata.namespace", o.Kind, o.Name),
		})
	},
}
