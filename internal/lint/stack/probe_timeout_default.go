package stack

import (
	"fmt"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack/binding"
)

var probeTimeoutDefault = lint.Check[*ship]{
	Rule: finding.Rule{
		ID: "PRB-3.s", Name: "probe-timeout-default", Points: []string{"PRB-3"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "A probe gives the program as long to answer as its own health check does",
	},
	Run: func(p *lint.Pass, s *ship) {
		for _, c := range s.containers {
			timeout, at := s.healthTimeout(c)
			if timeout <= time.Second {
				continue
			}
			var short []string
			var first finding.Location
			for _, key := range probes {
				probe := c.Node.Get(key)
				asks := probe.Get("httpGet").Exists() || probe.Get("exec").Exists() || probe.Get("grpc").Exists()
				if asks && probe.Get("timeoutSeconds").IsNull() {
					if short = append(short, key); len(short) == 1 {
						first = c.Node.Key(key).At()
					}
				}
			}
			if len(short) == 0 {
				continue
			}
			problem := about(c, short[0]+".timeoutSeconds", first, fmt.Sprintf(
				"container %q: %s %s not set timeoutSeconds, which then is \"1\", and the health check allows %s; set it to %.0f",
				c.Name, list(short), do(len(short)), timeout, max(1, timeout.Seconds()),
			))
			problem.Related = []finding.Location{noted(at, "allows "+timeout.String())}
			p.Report(problem)
		}
	},
}

func do(n int) string {
	if n == 1 {
		return "does"
	}
	return "do"
}

// healthTimeout is how long the health check that is known of a container's program
// lets it take, where that is written.
func (s *ship) healthTimeout(c *binding.Container) (time.Duration, finding.Location) {
	if c.Service != nil && c.Service.Healthcheck().Set {
		v := c.Service.Healthcheck().Value.Get("timeout")
		d, err := time.ParseDuration(v.Text)
		if err != nil || !v.Known {
			return 0, finding.Location{}
		}
		return d, v.At()
	}
	if h := s.of(c.Stage).health; h != nil && h.check.Health != nil && h.check.Health.Timeout > 0 {
		return h.check.Health.Timeout, h.in.At
	}
	return 0, finding.Location{}
}
