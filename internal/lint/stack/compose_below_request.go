package stack

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
)

var composeBelowRequest = lint.Check[*ship]{
	Rule: finding.Rule{
		ID: "RES-4.s", Name: "compose-below-request", Points: []string{"RES-4"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "A Compose service may use as much memory as its container in Kubernetes asks for",
	},
	Run: func(p *lint.Pass, s *ship) {
		for _, service := range s.services {
			limit := service.Limit("memory")
			here, ok := bytes(limit.Text)
			if !ok || !limit.Known || here == 0 {
				continue
			}
			for _, c := range service.Containers {
				request := c.Node.Get("resources").Get("requests").Get("memory")
				there, ok := quantity(request.Text())
				if !ok || here >= there {
					continue
				}
				p.Report(lint.Problem{
					At: limit.At(), Subject: service.Subject(), Path: "memory[" + c.Workload.Subject() + "]",
					Message: fmt.Sprintf("service %q may use %q of memory, and container %q of %s asks for %q: it is killed here where it runs there; raise the limit, or lower the request",
						service.Name, limit.Text, c.Name, c.Workload.Subject(), request.Text()),
					Related: []finding.Location{noted(request.At(), "asks for "+request.Text())},
				})
				break
			}
		}
	},
}
