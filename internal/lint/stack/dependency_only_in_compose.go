package stack

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack/binding"
)

var dependencyOnlyInCompose = lint.Check[*ship]{
	Rule: finding.Rule{
		ID: "X-12.c", Name: "dependency-only-in-compose", Severity: finding.Medium, Since: "0.1.0",
		Summary: "What a service waits for in Compose is there in Kubernetes too, or the manifests say where it is",
	},
	Run: func(p *lint.Pass, s *ship) {
		for _, other := range s.services {
			if other.Built() || other.OneShot() || other.Partial {
				continue
			}
			var needs []finding.Location
			var names []string
			for _, service := range s.Services {
				if service.Project != other.Project || len(service.Containers) == 0 || service.Partial {
					continue
				}
				for _, d := range service.Dependencies() {
					if d.Name == other.Name && !s.reaches(service, other.Name, other.Repository()) {
						needs = append(needs, noted(d.At, "needs it"), noted(service.Containers[0].At(), "runs without it"))
						names = append(names, service.Name)
					}
				}
			}
			if len(names) == 0 {
				continue
			}
			p.Report(lint.Problem{
				At: other.At, Subject: other.Subject(), Path: "kubernetes", Severity: mediumOnDemand(p), Related: needs,
				Message: fmt.Sprintf("service %q, which %s %s, is only in Compose: no manifest runs %q or says where it is; add it, or an ExternalName Service", other.Name, list(quoted(names)), need(len(names)), or(other.Repository(), other.Name)),
			})
		}
	},
}

func need(n int) string {
	if n == 1 {
		return "needs"
	}
	return "need"
}

// reaches says whether the manifests run a dependency, or tell a container of the
// service anything that could be where it is.
func (s *ship) reaches(service *binding.Service, name, repository string) bool {
	if s.objects.named[name] || repository != "" && s.objects.repos[repository] {
		return true
	}
	for object := range s.objects.named {
		if strings.Contains(object, name) || repository != "" && strings.Contains(object, repository) {
			return true
		}
	}
	for _, c := range service.Containers {
		for key, v := range s.environment(c).values {
			upper := strings.ToUpper(key)
			if strings.Contains(upper, "HOST") || strings.Contains(upper, "URL") || strings.Contains(upper, "URI") || strings.Contains(upper, "ADDR") || strings.Contains(upper, "DSN") || strings.Contains(upper, "CONN") ||
				strings.Contains(upper, "SERVER") || strings.Contains(upper, "ENDPOINT") || strings.Contains(upper, strings.ToUpper(name)) || strings.Contains(v.text, "://") || strings.Contains(upper, "DATABASE") {
				return true
			}
		}
	}
	return false
}
