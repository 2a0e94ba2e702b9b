package kubernetes

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

// maxRatio is how many times a limit may be its request.
const maxRatio = 4

var resourceRatio = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "RES-2.b", Name: "resource-ratio", Points: []string{"RES-2"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "Every limit is at most four times what is requested",
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		names, severity := []string{"memory"}, finding.Low
		if demanding(p) {
			names, severity = []string{"cpu", "memory"}, finding.Medium
		}
		for _, c := range w.Containers() {
			for _, name := range names {
				request, limit := c.Node.Get("resources").Get("requests").Get(name), c.Node.Get("resources").Get("limits").Get(name)
				r, ok := kubernetes.ParseQuantity(request.Text())
				l, known := kubernetes.ParseQuantity(limit.Text())
				if !ok || !known || r.CmpInt(0) <= 0 || l.Cmp(r.Times(maxRatio)) <= 0 {
					continue
				}
				if bytes(name) && r.CmpInt(mebibyte) < 0 || name == "cpu" && l.CmpInt(1000) >= 0 { // a wrong unit
					continue
				}
				p.Report(lint.Problem{
					At: limit.At(), Subject: w.Subject(), Path: c.Path + ".resources.limits." + name, Severity: severity,
					Message: fmt.Sprintf("container %q: its limit for %s of %q is %.0f times what it requests (%q), and the node is packed by requests; bring them nearer to each other", c.Name, name, limit.Text(), l.Ratio(r), request.Text()),
				})
			}
		}
	}),
}
