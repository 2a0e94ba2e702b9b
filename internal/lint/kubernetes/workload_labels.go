package kubernetes

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

// nameLabel is what tools group objects by.
// https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
const nameLabel = "app.kubernetes.io/name"

var workloadLabels = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "OBS-3.a", Name: "workload-labels", Points: []string{"OBS-3"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "Workloads, their pods and Services say which program they belong to",
		Also:    []string{},
	},
	Run: func(p *lint.Pass, o *kubernetes.Object) {
		w, runs := o.Workload()
		service := o.Kind == "Service" && o.Group() == ""
		if !demanding(p) || !runs && !service {
			return // Kustomize and others add them, which the manifest does not show
		}
		metadata := o.Node.Get("metadata")
		var missing string
		switch own, pods := named(metadata), runs && named(w.Template.Get("metadata")); {
		case own && (pods || service):
			return
		case service, o.Kind == "Pod":
			missing = "it has"
		case own:
			missing = "its pods have"
		case pods:
			missing = "it has"
		default:
			missing = "it and its pods have"
		}
		p.Report(lint.Problem{
			At: or(metadata.Key("name").At(), o.Node.Key("metadata").At(), o.Node.At()), Subject: o.Subject(), Path: "metadata.labels",
			Message: fmt.Sprintf("%s %q: %s no label %q; set it, and with it %s, %s and %s, outside of selectors", o.Kind, o.Name, missing, nameLabel,
				"app.kubernetes.io/version", "app.kubernetes.io/part-of", "app.kubernetes.io/managed-by"),
		})
	},
}

func named(metadata kubernetes.Node) bool { return metadata.Get("labels").Get(nameLabel).Text() != "" }
