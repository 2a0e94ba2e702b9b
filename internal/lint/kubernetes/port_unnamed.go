package kubernetes

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var portUnnamed = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "NET-3.k", Name: "port-unnamed", Points: []string{"NET-3"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "Every port of a container has a name that others refer to",
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		if !demanding(p) {
			return
		}
		for _, port := range w.Ports() {
			if port.Name == "" {
				p.Report(lint.Problem{
					At: port.Node.Get("containerPort").At(), Subject: w.Subject(), Path: port.Container.Path + ".ports[" + port.Node.Get("containerPort").Text() + "].name",
					Message: fmt.Sprintf("container %q: port %q has no name; name it, and let Services and probes refer to that", port.Container.Name, port.Node.Get("containerPort").Text()),
				})
			}
		}
	}),
}
