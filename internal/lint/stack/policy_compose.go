package stack

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack/binding"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var policyCompose = lint.Check[*ship]{
	Rule: finding.Rule{
		ID: "X-11.b", Name: "policy-compose", Points: []string{"NET-2"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "Network policies let a pod reach what its service waits for in Compose",
	},
	Run: func(p *lint.Pass, s *ship) {
		told := map[finding.Location]*lint.Problem{}
		var order []*lint.Problem
		if len(s.objects.policies) == 0 {
			return
		}
		for _, other := range s.services {
			if other.OneShot() || len(other.Containers) == 0 {
				continue
			}
			near := map[[2]string]*binding.Container{}
			for _, c := range other.Containers {
				near[around(c)] = c
			}
			for _, service := range s.Services {
				if service.Project != other.Project || service.Partial {
					continue
				}
				for _, d := range service.Dependencies() {
					if d.Name != other.Name {
						continue
					}
					for _, from := range service.Containers {
						to := near[around(from)]
						if to == nil {
							continue
						}
						problem, ok := s.refused(from, to)
						if !ok {
							continue
						}
						if told[problem.At] == nil {
							told[problem.At] = &problem
							order = append(order, &problem)
						}
						told[problem.At].Related = append(told[problem.At].Related, noted(d.At, "waits for it"))
					}
				}
			}
		}
		for _, problem := range order {
			p.Report(*problem)
		}
	},
}

// around is the namespace and the directory of a container's manifest: what is there
// runs together.
func around(c *binding.Container) [2]string {
	return [2]string{c.Workload.Namespace, path.Dir(c.Workload.File.Source.Path)}
}

// refused finds the policy that keeps a container from another. What the one is told
// by the other's name is another rule's.
func (s *ship) refused(from, to *binding.Container) (lint.Problem, bool) {
	number := listening(to)
	if number == 0 || from.Workload.Object == to.Workload.Object {
		return lint.Problem{}, false
	}
	flow := kubernetes.Flow{From: from.Workload, To: to.Workload, Port: number, Protocol: "TCP"}
	for _, direction := range []kubernetes.Direction{kubernetes.Egress, kubernetes.Ingress} {
		answer, closed := s.Manifests.Allowed(direction, flow)
		if answer != kubernetes.No || len(closed) == 0 || s.told(from, to) {
			continue
		}
		policy := closed[0]
		for _, one := range closed { // where rules are, another is missing
			if len(one.Rules(direction)) > 0 {
				policy = one
			}
		}
		return lint.Problem{
			At: policy.Node.Get("metadata").Get("name").At(), Subject: policy.Subject(), Path: fmt.Sprintf("spec.%s[%s]", direction, to.Workload.Subject()),
			Message: fmt.Sprintf("no rule of %q lets container %q reach %s on port %q, which its service waits for in Compose; allow it, or drop the dependency", policy.Subject(), from.Name, to.Workload.Subject(), strconv.Itoa(number)),
			Related: []finding.Location{noted(to.At(), "is waited for")},
		}, true
	}
	return lint.Problem{}, false
}

// told says whether a variable of a container names a Service of another.
func (s *ship) told(from, to *binding.Container) bool {
	services := s.objects.serving(to.Workload)
	for _, v := range s.environment(from).values {
		if slices.ContainsFunc(services, func(o *kubernetes.Object) bool { return strings.Contains(v.text, o.Name) }) {
			return true
		}
	}
	return false
}

// listening is the one port that a container declares, 0 when there are several.
func listening(c *binding.Container) int {
	items := c.Node.Get("ports").Items()
	if len(items) != 1 {
		return 0
	}
	n, err := strconv.Atoi(items[0].Get("containerPort").Text())
	if protocol := items[0].Get("protocol").Text(); err != nil || protocol != "" && protocol != "TCP" {
		return 0
	}
	return n
}
