package kubernetes

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes/schema"
)

var apiNewer = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "COR-64", Name: "api-newer", Severity: finding.High, Since: "0.1.0",
		Summary: "Every API and field is one that the oldest Kubernetes of the target has",
	},
	Run: func(p *lint.Pass, o *kubernetes.Object) {
		if o.Set == nil {
			return
		}
		if status := apiStatus(o); status.Since != "" && o.Set.Target.Declared {
			p.Report(lint.Problem{
				At: o.Node.Get("apiVersion").At(), Subject: o.Subject(), Path: "apiVersion",
				Message: fmt.Sprintf("%q came with Kubernetes %s, and the manifests are for %s too; use what that has, or leave it out until that is gone", o.APIVersion+" "+o.Kind, status.Since, o.Set.Target.Oldest()),
			})
		}
		onViolations(schema.TooYoung, always)(p, o)
	},
}
