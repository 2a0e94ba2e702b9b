package stack

import (
	"fmt"
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
		for _, other := range s.services {
			if other.OneShot() || len(other.Containers) == 0 {
				continue
			}
			for _, service := range s.Services {
				if service.Project != other.Project || service.Partial {
					continue
				}
				for _, d := range service.Dependencies() {
					for _, from := range service.Containers {
						problem, ok := s.refused(from, other)
						if d.Name != other.Name || !ok {
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

// refused finds the policy that keeps a container from what a service stands for. What
// the container is told by name is another rule's.
func (s *ship) refused(from *binding.Container, to *binding.Service) (lint.Problem, bool) {
	for _, v := range s.environment(from).values {
		if slices.ContainsFunc(to.Containers, func(c *binding.Container) bool {
			return slices.ContainsFunc(s.objects.serving(c.Workload), func(o *kubernetes.Object) bool { return strings.Contains(v.text, o.Name) })
		}) {
			return lint.Problem{}, false
		}
	}
	for _, c := range to.Containers {
		if c.Workload.Namespace != from.Workload.Namespace || c.Workload.Object == from.Workload.Object {
			continue
		}
		number := listening(c)
		if number == 0 {
			continue
		}
		flow := kubernetes.Flow{From: from.Workload, To: c.Workload, Port: number, Protocol: "TCP"}
		for _, direction := range []kubernetes.Direction{kubernetes.Egress, kubernetes.Ingress} {
			answer, closed := s.Manifests.Allowed(direction, flow)
			if answer != kubernetes.No || len(closed) == 0 {
				continue
			}
			policy := closed[0]
			for _, one := range closed { // where rules are, another is missing
				if len(one.Rules(direction)) > 0 {
					policy = one
				}
			}
			return lint.Problem{
				At: policy.Node.Get("metadata").Get("name").At(), Subject: policy.Subject(), Path: fmt.Sprintf("spec.%s[%s]", direction, c.Workload.Subject()),
				Message: fmt.Sprintf("no rule of %q lets container %q reach %s on port %q, which its service waits for in Compose; allow it, or drop the dependency", policy.Subject(), from.Name, c.Workload.Subject(), strconv.Itoa(number)),
				Related: []finding.Location{noted(c.At(), "is waited for")},
			}, true
		}
	}
	return lint.Problem{}, false
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
