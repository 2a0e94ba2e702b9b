package kubernetes

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var policySelector = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "NET-2.a", Name: "policy-selector", Points: []string{"NET-2"}, Severity: finding.High, Since: "0.1.0",
		Summary: "Every NetworkPolicy selects pods",
		Also:    []string{"networkpolicy-targets-pod", "dangling-networkpolicy"},
	},
	Run: func(p *lint.Pass, o *kubernetes.Object) {
		policy, ok := o.Policy()
		if !ok || !p.Complete {
			return
		}
		selector := policy.Selects()
		if selector.Everything() || o.Set.MayRun(selector) || len(o.Set.Selected(o.Namespace, selector)) > 0 {
			return
		}
		p.Report(lint.Problem{
			At: or(o.Node.Get("spec").Key("podSelector").At(), nameAt(o)), Subject: o.Subject(), Path: "spec.podSelector",
			Message: fmt.Sprintf("the selector %q takes no pods of the manifests, so that the policy does nothing; select the labels of a template", selector),
		})
	},
}
