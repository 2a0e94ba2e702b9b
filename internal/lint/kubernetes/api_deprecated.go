package kubernetes

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var apiDeprecated = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "COR-63", Name: "api-deprecated", Severity: finding.Medium, Since: "0.1.0",
		Summary: "No object is of an API that all of the target has a better one for",
		Also:    []string{"pluto/k8s", "KSV-0107", "stable-version"},
	},
	Run: func(p *lint.Pass, o *kubernetes.Object) {
		status := apiStatus(o)
		if !status.Deprecated || status.Removed != "" {
			return
		}
		severity, when := finding.Medium, "deprecated and will go"
		if !strings.Contains(o.APIVersion, "alpha") && !strings.Contains(o.APIVersion, "beta") {
			severity, when = finding.Low, "deprecated" // what is stable stays, and is warned of
		}
		p.Report(lint.Problem{
			At: o.Node.Get("apiVersion").At(), Subject: o.Subject(), Path: "apiVersion", Severity: severity,
			Message: fmt.Sprintf("%q is %s; write %q", o.APIVersion+" "+o.Kind, when, status.Replacement),
		})
	},
}
