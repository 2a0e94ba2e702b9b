package kubernetes

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var apiDeprecated = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "COR-63", Name: "api-deprecated", Severity: finding.Medium, Since: "0.1.0",
		Summary: "No object is of an API that all of the target has a better one for",
	},
	Run: func(p *lint.Pass, o *kubernetes.Object) {
		status := apiStatus(o)
		if !status.Deprecated || status.Removed != "" {
			return
		}
		p.Report(lint.Problem{
			At: o.Node.Get("apiVersion").At(), Subject: o.Subject(), Path: "apiVersion",
			Message: fmt.Sprintf("%q is deprecated and will go; write %q", o.APIVersion+" "+o.Kind, status.Replacement),
		})
	},
}
