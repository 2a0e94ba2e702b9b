package compose

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
)

var serviceHostNetwork = lint.Check[*project]{
	Rule: finding.Rule{
		ID: "NET-4.b", Name: "service-host-network", Points: []string{"NET-4", "USR-3"}, Severity: finding.High, Since: "0.1.0",
		Summary: "No Compose service shares the machine's network",
	},
	Run: func(p *lint.Pass, pr *project) {
		tell := pr.gently(p)
		for _, s := range pr.Services {
			v := s.Get("network_mode")
			if v.Has("host") && !v.Variables {
				tell(about(s, "network_mode", v.At(), fmt.Sprintf("service %q shares the machine's network by \"network_mode: host\": every port that it opens is open to all, and it reaches what listens on localhost; publish the ports that are meant", s.Name)))
			}
		}
	},
}
