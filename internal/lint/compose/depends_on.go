package compose

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/compose"
)

var dependsOnCondition = lint.Check[*project]{
	Rule: finding.Rule{
		ID: "PRB-4.m", Name: "depends-on-condition", Points: []string{"PRB-4"}, Severity: finding.High, Since: "0.1.0",
		Summary: "What a Compose service waits for can come about, and means that the other is ready",
	},
	Run: func(p *lint.Pass, pr *project) {
		tell := pr.teller(p)
		for _, s := range pr.Services {
			for _, d := range s.Dependencies() {
				other := pr.Service(d.Name)
				if other == nil || other.Partial || s.Partial {
					continue
				}
				if severity, why := pr.waits(d, other); why != "" {
					problem := about(s, "depends_on["+d.Name+"]", d.At, fmt.Sprintf("service %q waits for %q %s", s.Name, d.Name, why))
					problem.Severity, problem.Related = severity, []finding.Location{other.At}
					tell(problem)
				}
			}
		}
	},
}

// waits says what is wrong with a condition, "" when nothing is or it is not known.
func (pr *project) waits(d compose.Dependency, other *compose.Service) (finding.Severity, string) {
	check := other.Healthcheck()
	switch d.Condition {
	case "service_healthy":
		switch {
		case check.Disabled:
			return finding.High, "to be healthy, whose health check is switched off: it never starts; add a healthcheck there"
		case !check.Set && pr.unchecked(other):
			return finding.High, "to be healthy, which has no health check: it never starts; add a healthcheck there"
		}
	case "service_completed_successfully":
		if policy := other.Restart(); policy == "always" || policy == "unless-stopped" || policy == "any" {
			return finding.Medium, fmt.Sprintf("to end, which is started again each time by %q; set its restart to \"no\"", policy)
		}
	case "service_started":
		if store(other) && !pr.Stack() {
			return finding.Low, "to be started, which is long before it answers; add a healthcheck there and wait with condition: service_healthy"
		}
	}
	return finding.Unknown, ""
}

// unchecked says that the image of a service is known to have no health check.
func (pr *project) unchecked(s *compose.Service) bool {
	if image, ok := s.Image(); ok {
		return unchecked(image.Name)
	}
	f := pr.dockerfileOf(s)
	if f == nil {
		return false
	}
	chain := f.Final().Chain()
	for _, stage := range chain {
		for _, in := range stage.Instructions {
			if in.Name == "HEALTHCHECK" {
				return len(in.Args) == 1 && in.Args[0] == "NONE"
			}
		}
	}
	base := chain[len(chain)-1].Base
	image, ok := source.ParseImage(base.Value)
	return base.Known && (base.Value == "scratch" || ok && unchecked(image.Name))
}
