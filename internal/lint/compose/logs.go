package compose

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
)

var logsDiscarded = lint.Check[*project]{
	Rule: finding.Rule{
		ID: "OBS-2.m", Name: "logs-discarded", Points: []string{"OBS-2"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "The logs of every Compose service are kept",
	},
	Run: func(p *lint.Pass, pr *project) {
		tell := pr.teller(p)
		for _, s := range pr.Services {
			if v := s.Get("logging").Get("driver"); v.Has("none") && !v.Variables {
				tell(about(s, "logging.driver", v.At(), fmt.Sprintf("service %q throws its logs away by \"driver: none\"; use \"local\", which rotates them", s.Name)))
			}
		}
	},
}
