package kubernetes

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var envOverlap = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "X-14.c", Name: "env-overlap", Points: []string{"SEC-3"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "Every variable of a container comes from one place",
		Also:    []string{},
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		for _, c := range w.Containers() {
			if len(c.Node.Get("envFrom").Items()) > 0 {
				overlapping(p, w, c)
			}
		}
	}),
}

func overlapping(p *lint.Pass, w *kubernetes.Workload, c *kubernetes.Container) {
	environment := w.Set.EnvironmentOf(c)
	type pair struct{ first, second string }
	first, told := map[string]kubernetes.Variable{}, map[pair]bool{}
	for _, v := range environment.Variables {
		if v.From == "env" {
			break // what stands in the container itself is meant to win
		}
		if !kubernetes.VariableName(v.Name) && !told[pair{v.Name, ""}] {
			told[pair{v.Name, ""}] = true
			p.Report(lint.Problem{
				At: v.Node.At(), Subject: w.Subject(), Path: c.Path + ".envFrom." + v.Name, Severity: finding.Low,
				Message: fmt.Sprintf("container %q: %s has the key %q, which is no name of a variable and which Kubernetes before 1.32 leaves out; rename it", c.Name, v.From, v.Name),
			})
		}
		earlier, ok := first[v.Name]
		if !ok {
			first[v.Name] = v
			continue
		}
		between := pair{earlier.From, v.From}
		if earlier.From == v.From || told[between] {
			continue
		}
		told[between] = true
		problem := lint.Problem{
			At: v.Node.At(), Subject: w.Subject(), Path: c.Path + ".envFrom." + v.Name,
			Related: []finding.Location{noted(earlier.Node.At(), "brings it first")},
			Message: fmt.Sprintf("container %q: %s and %s both have the key %q, and the last one wins without a word; drop it from one of them, or set a prefix", c.Name, earlier.From, v.From, v.Name),
		}
		if earlier.Known && v.Known && earlier.Value == v.Value {
			problem.Severity = finding.Low
		}
		p.Report(problem)
	}
	if items := c.Node.Get("envFrom").Items(); len(items) > 1 && len(environment.Open) > 0 && demanding(p) {
		plain := 0
		for _, item := range items {
			if item.Get("prefix").Text() == "" {
				plain++
			}
		}
		if plain > 1 {
			p.Report(lint.Problem{
				At: or(c.Node.Key("envFrom").At(), items[1].At()), Subject: w.Subject(), Path: c.Path + ".envFrom", Severity: finding.Low,
				Message: fmt.Sprintf("container %q takes all keys of several sources, and where two have the same one the last wins without a word; set a prefix, or name the keys", c.Name),
			})
		}
	}
}
