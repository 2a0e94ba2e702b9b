package stack

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
)

var requiredVariable = lint.Check[*ship]{
	Rule: finding.Rule{
		ID: "X-14.b", Name: "required-variable", Points: []string{"SEC-3"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "A variable without which Compose does not start is set in Kubernetes too",
	},
	Run: func(p *lint.Pass, s *ship) {
		for _, service := range s.services {
			for _, e := range service.Get("environment").Entries {
				text := e.Value.Node.Text()
				if !strings.Contains(text, ":?") || !strings.Contains(text, "${") {
					continue
				}
				for _, c := range service.Containers {
					env := s.environment(c)
					_, set := env.values[e.Name]
					if _, inImage := s.of(c.Stage).env[e.Name]; set || inImage || !env.complete {
						continue
					}
					p.Report(lint.Problem{
						At: c.At(), Subject: c.Workload.Subject(), Path: c.Path + ".env[" + e.Name + "]",
						Message: fmt.Sprintf("container %q does not set %q, without which its service %q does not start in Compose; set it from a Secret or ConfigMap", c.Name, e.Name, service.Name),
						Related: []finding.Location{noted(e.At(), "is required")},
					})
				}
			}
		}
	},
}
