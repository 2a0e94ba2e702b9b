package kubernetes

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes/schema"
)

var apiRemoved = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "COR-62", Name: "api-removed", Severity: finding.High, Since: "0.1.0",
		Summary: "Every object is of an API that the youngest Kubernetes of the target serves",
		Also:    []string{"stable-version", "no-extensions-v1beta", "KSV-0107", "pluto/k8s"},
	},
	Run: func(p *lint.Pass, o *kubernetes.Object) {
		status := apiStatus(o)
		if status.Removed == "" {
			return
		}
		advice := "nothing takes its place: remove it"
		if status.Replacement != "" {
			advice = fmt.Sprintf("write %q", status.Replacement)
		}
		p.Report(lint.Problem{
			At: o.Node.Get("apiVersion").At(), Subject: o.Subject(), Path: "apiVersion",
			Message: fmt.Sprintf("%q is gone since Kubernetes %s; %s", o.APIVersion+" "+o.Kind, status.Removed, advice),
		})
	},
}

// apiStatus tells how an object's API stands, nothing of what is not applied.
func apiStatus(o *kubernetes.Object) schema.Status {
	if leftover(o) {
		return schema.Status{}
	}
	target := schema.Target{}
	if o.Set != nil {
		target = o.Set.Target
	}
	return schema.StatusOf(o.APIVersion, o.Kind, target)
}
