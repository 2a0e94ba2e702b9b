package kubernetes

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var defaultAccountBound = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "SEC-4.a", Name: "default-account-bound", Points: []string{"SEC-4"}, Severity: finding.High, Since: "0.1.0",
		Summary: "Nobody gives rights to the ServiceAccount that every pod has",
		Also:    []string{"default-service-account", "CKV_K8S_42"},
	},
	Run: on(func(p *lint.Pass, o *kubernetes.Object) {
		for _, subject := range o.Node.Get("subjects").Items() {
			name := subject.Get("name")
			if subject.Get("kind").Text() != "ServiceAccount" || name.Text() != "default" {
				continue
			}
			where := subject.Get("namespace").Text()
			if where == "" {
				where = o.Namespace
			}
			place := fmt.Sprintf("namespace %q", where)
			if where == "" {
				place = "its namespace"
			}
			role := o.Node.Get("roleRef")
			p.Report(lint.Problem{
				At: name.At(), Subject: o.Subject(), Path: "subjects[" + where + "/default]",
				Message: fmt.Sprintf("every pod of %s that names no account gets the rights of %s %q; give them to an account of the workload that needs them", place, role.Get("kind").Text(), role.Get("name").Text()),
			})
		}
	}, "rbac.authorization.k8s.io", "RoleBinding", "ClusterRoleBinding"),
}
