package kubernetes

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var secretEnvFrom = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "SEC-3.a", Name: "secret-env-from", Points: []string{"SEC-3"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "A container is given the keys of a Secret that it needs, not all of it",
		Also:    []string{"read-secret-from-env-var", "CKV_K8S_35", "kubesec/SecretsAsEnvironmentVariables"},
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		for _, c := range w.Containers() {
			for _, item := range c.Node.Get("envFrom").Items() {
				name := item.Get("secretRef").Get("name")
				if name.Text() == "" {
					continue
				}
				p.Report(lint.Problem{
					At: name.At(), Subject: w.Subject(), Path: c.Path + ".envFrom[" + name.Text() + "]",
					Message: fmt.Sprintf("container %q gets every key of Secret %q as a variable, those too that are added later and those that it has no use for; name the keys that it needs, or mount them as files", c.Name, name.Text()),
				})
			}
		}
	}),
}
