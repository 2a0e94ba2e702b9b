package stack

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack/binding"
)

var probePathUntested = lint.Check[*ship]{
	Rule: finding.Rule{
		ID: "X-12.d", Name: "probe-path-untested", Severity: finding.Low, Since: "0.1.0",
		Summary: "Every path that a probe asks is asked by a health check outside Kubernetes too",
	},
	Run: func(p *lint.Pass, s *ship) {
		if !demanding(p) {
			return
		}
		for _, c := range s.containers {
			paths, at := s.healthPaths(c)
			if len(paths) == 0 {
				continue
			}
			for _, key := range []string{"livenessProbe", "readinessProbe"} {
				n := c.Node.Get(key).Get("httpGet").Get("path")
				name, _, _ := strings.Cut(n.Text(), "?")
				if name == "" || slices.Contains(paths, name) {
					continue
				}
				problem := about(c, key+".httpGet.path", n.At(), fmt.Sprintf(
					"container %q: only the %s asks %q, the health check asks %s: nobody sees it fail before it runs in a cluster; ask it in a test too", c.Name, key, name, list(quoted(paths)),
				))
				problem.Related = []finding.Location{at}
				p.Report(problem)
			}
		}
	},
}

// healthPaths are the paths that the health check of a container's program asks
// outside Kubernetes.
func (s *ship) healthPaths(c *binding.Container) ([]string, finding.Location) {
	found := s.of(c.Stage).health
	if c.Service != nil && c.Service.Healthcheck().Set {
		check := c.Service.Healthcheck()
		var paths []string
		for _, u := range urls(strings.Join(words(check.Test), " ")) {
			paths = add(paths, or(u.Path, "/"))
		}
		return paths, check.Test.At()
	}
	if found == nil {
		return nil, finding.Location{}
	}
	var paths []string
	for _, u := range found.urls {
		paths = add(paths, or(u.Path, "/"))
	}
	return paths, found.in.At
}

func or(text, other string) string {
	if text == "" {
		return other
	}
	return text
}
