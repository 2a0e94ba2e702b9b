package stack

import (
	"fmt"
	"strconv"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
)

var healthTiming = lint.Check[*ship]{
	Rule: finding.Rule{
		ID: "X-12.e", Name: "health-timing", Points: []string{"PRB-3"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "A health check and the liveness probe of one program give it the same time to start",
	},
	Run: func(p *lint.Pass, s *ship) {
		if !demanding(p) {
			return
		}
		told := map[finding.Location]bool{}
		for _, c := range s.containers {
			h := s.of(c.Stage).health
			delay := c.Node.Get("livenessProbe").Get("initialDelaySeconds")
			seconds, err := strconv.Atoi(delay.Text())
			if h == nil || h.check.Health == nil || err != nil || h.check.Health.StartPeriod == 0 || told[h.in.At] || c.Node.Get("startupProbe").Exists() {
				continue
			}
			start := h.check.Health.StartPeriod
			if start == time.Duration(seconds)*time.Second {
				continue
			}
			told[h.in.At] = true
			at := h.in.At
			if _, flag, ok := h.in.Flag("start-period"); ok {
				at = flag
			}
			p.Report(lint.Problem{
				At: at, Subject: c.Stage.Subject(), Path: "healthcheck.start-period",
				Message: fmt.Sprintf("the health check gives %q to start and the liveness probe of container %q waits %d seconds; find out which is right", start.String(), c.Name, seconds),
				Related: []finding.Location{noted(delay.At(), "waits "+delay.Text()+" seconds")},
			})
		}
	},
}
