package stack

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack/binding"
)

var portChain = lint.Check[*ship]{
	Rule: finding.Rule{
		ID: "X-03", Name: "port-chain", Points: []string{"PRB-2", "NET-3"}, Severity: finding.High, Since: "0.1.0",
		Summary: "All that name the port of one program name the same: EXPOSE, containerPort, probes, Services, Compose, health checks",
	},
	Run: func(p *lint.Pass, s *ship) {
		told := map[finding.Location]bool{}
		for _, c := range s.containers {
			if len(c.Workload.Containers()) == 0 || c.Workload.RunsToEnd() || c.Stage == nil && c.Service == nil {
				continue
			}
			for _, problem := range s.oddPorts(c) {
				if !told[problem.At] {
					told[problem.At] = true
					p.Report(problem)
				}
			}
		}
	},
}

// declares says that a kind of place says what the program listens on, not what asks it.
func declares(kind string) bool {
	return kind == "EXPOSE" || kind == "containerPort" || strings.HasPrefix(kind, "expose ") || strings.HasPrefix(kind, "the port that")
}

// elsewhere says that a place is not in the manifests. What these contradict among
// themselves is told by the rules on them.
func elsewhere(one port) bool {
	return one.kind == "EXPOSE" || one.kind == "HEALTHCHECK" || strings.HasPrefix(one.path, "services[")
}

// oddPorts finds the places that name a port which none of the others knows, where
// at least two kinds of the others agree.
func (s *ship) oddPorts(c *binding.Container) []lint.Problem {
	all, ok := s.chain(c)
	if !ok {
		return nil
	}
	kinds := map[int]map[string]bool{} // of places that name a number
	whole := map[string][]int{}
	for _, one := range all {
		if kinds[one.number] == nil {
			kinds[one.number] = map[string]bool{}
		}
		kinds[one.number][one.kind] = true
		whole[one.kind] = add(whole[one.kind], one.number)
	}
	agreed := 0
	for _, number := range slices.Sorted(maps.Keys(kinds)) {
		if n := len(kinds[number]); n >= 2 && n > len(kinds[agreed]) {
			agreed = number
		}
	}
	if agreed == 0 {
		return nil
	}
	var problems []lint.Problem
	for _, one := range all {
		odd := len(kinds[one.number]) == 1
		if declares(one.kind) { // it may listen on more than others ask for
			odd = odd && !slices.ContainsFunc(whole[one.kind], func(n int) bool { return len(kinds[n]) > 1 })
		}
		if odd && (declares(one.kind) || elsewhere(one) || slices.ContainsFunc(all, func(other port) bool { return other.number == agreed && elsewhere(other) })) {
			problems = append(problems, s.odd(c, one, agreed, all))
		}
	}
	return problems
}

// chain are all places that name a port of the container's program, as far as they
// can be compared: those of the manifests alone where these choose another port.
func (s *ship) chain(c *binding.Container) ([]port, bool) {
	env := s.environment(c)
	moved := chosen(env, texts(c.Node.Get("command").Items()), texts(c.Node.Get("args").Items()))
	here := slices.DeleteFunc(s.containerPorts(c), func(one port) bool { return !declares(one.kind) && moved[one.number] })
	others := s.of(c.Stage).stagePorts()
	if c.Service != nil {
		other := chosen(s.serviceEnvironment(c.Service), words(c.Service.Get("command")), words(c.Service.Get("entrypoint")))
		for _, one := range servicePorts(c.Service) {
			if !other[one.number] {
				others = append(others, one)
			}
		}
	}
	open := func(one port) bool { return one.open }
	if slices.ContainsFunc(here, open) {
		return nil, false
	}
	shared := func(one port) bool {
		return slices.ContainsFunc(others, func(other port) bool { return other.number == one.number })
	}
	if slices.ContainsFunc(others, open) || !slices.ContainsFunc(here, shared) && (!env.complete || slices.ContainsFunc(here, func(one port) bool { return moved[one.number] })) {
		others = nil
	}
	return append(here, others...), true
}

func (s *ship) odd(c *binding.Container, one port, agreed int, all []port) lint.Problem {
	var kinds []string
	var related []finding.Location
	for _, other := range all {
		if other.number == agreed {
			kinds = add(kinds, other.kind)
			related = append(related, noted(other.at, fmt.Sprintf("%s says %d", other.kind, agreed)))
		}
	}
	problem := lint.Problem{
		At: one.at, Subject: c.Workload.Subject(), Path: one.path, Severity: finding.Medium, Related: related,
		Message: fmt.Sprintf("%s is %q and nothing else names that port: %s %s %d; mend the one that is wrong", one.kind, strconv.Itoa(one.number), list(kinds), say(len(kinds)), agreed),
	}
	switch {
	case one.kind == "EXPOSE" || one.kind == "HEALTHCHECK":
		problem.Subject = c.Stage.Subject()
	case c.Service != nil && strings.HasPrefix(one.path, "services["):
		problem.Subject = c.Service.Subject()
	case !declares(one.kind):
		problem.Severity = finding.High
	}
	return problem
}

func say(n int) string {
	if n == 1 {
		return "says"
	}
	return "say"
}
