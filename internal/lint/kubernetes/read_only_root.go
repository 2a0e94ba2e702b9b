package kubernetes

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var readOnlyRoot = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "USR-4.a", Name: "read-only-root", Points: []string{"USR-4"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "Every container has a read-only root filesystem",
		Also:    []string{"KSV-0014", "CKV_K8S_22", "no-read-only-root-fs", "notReadOnlyRootFilesystem", "container-security-context-readonlyrootfilesystem", "kubesec/ReadOnlyRootFilesystem"},
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		if w.Windows() {
			return
		}
		for _, c := range w.Containers() {
			field := c.Security("readOnlyRootFilesystem")
			on, isBool := field.Bool()
			if on || !isBool && field.Text() != "" {
				continue
			}
			problem := lint.Problem{
				At: or(field.At(), c.Node.Key("securityContext").At(), c.At()), Subject: w.Subject(), Path: c.Path + ".securityContext.readOnlyRootFilesystem",
				Message: fmt.Sprintf("container %q can change its own program and leave files behind; set readOnlyRootFilesystem: true, and mount an emptyDir with a sizeLimit where it writes", c.Name),
			}
			if c.Role == kubernetes.Init || c.Role == kubernetes.Ephemeral { // it is gone before anybody can talk to it
				problem.Severity = finding.Low
			}
			p.Report(problem)
		}
	}),
}
