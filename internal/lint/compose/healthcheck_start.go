package compose

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/compose"
)

var healthcheckStart = lint.Check[*project]{
	Rule: finding.Rule{
		ID: "PRB-3.m", Name: "healthcheck-start", Points: []string{"PRB-3"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "Every health check of a Compose service gives it time to start",
	},
	Run: func(p *lint.Pass, pr *project) {
		tell := pr.teller(p)
		pr.each(func(s *compose.Service) {
			check := s.Healthcheck()
			if !check.Set || check.Value.Get("start_period").Exists() {
				return
			}
			tell(about(s, "healthcheck.start_period", s.Value.Key("healthcheck").At(), fmt.Sprintf("service %q: the health check has no start_period, so that failures while it starts count; set the time that it may take", s.Name)))
		})
	},
}
