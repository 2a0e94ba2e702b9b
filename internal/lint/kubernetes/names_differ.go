package kubernetes

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var namesDiffer = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "OBS-3.e", Name: "names-differ", Points: []string{"OBS-3"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "A workload, its pods and its Service have one name",
		Also:    []string{"metadataAndInstanceMismatched"},
	},
	Run: on(func(p *lint.Pass, o *kubernetes.Object) {
		service, _ := o.Service()
		all := o.Set.Selected(o.Namespace, service.Selects())
		if len(all) != 1 || !o.Set.Together(o, all[0].Object) {
			return
		}
		w := all[0]
		labels := o.Set.Labels(w)
		if len(labels) == 0 || len(w.Set.Services(w)) > 1 {
			return
		}
		own, served := bare(w.Name), bare(o.Name)
		for _, value := range labels {
			if akin(own, value) || akin(served, value) {
				return
			}
		}
		pods := slices.Min(slices.Collect(maps.Values(labels)))
		for _, key := range []string{"name", "k8s-app", "app", nameLabel} {
			if value := labels[key]; value != "" {
				pods = value
			}
		}
		problem := lint.Problem{
			At: nameAt(o), Subject: o.Subject(), Path: "metadata.name", Related: []finding.Location{related(w.Object, "runs the pods")},
			Message: fmt.Sprintf("%s leads to the pods of %s, which are called %q: people and tools look for one name; use one for all of them", called(o), called(w.Object), pods),
		}
		if demanding(p) {
			problem.Severity = finding.Medium
		}
		p.Report(problem)
	}, "", "Service"),
}

// bare is a name without the word for its kind.
func bare(name string) string {
	for _, suffix := range []string{"-deployment", "-deploy", "-service", "-svc", "-statefulset", "-sts", "-daemonset", "-ds", "-pod", "-headless"} {
		name = strings.TrimSuffix(name, suffix)
	}
	return name
}

// akin says that one name is part of the other, or that they share a word.
func akin(a, b string) bool {
	if strings.Contains(a, b) || strings.Contains(b, a) {
		return true
	}
	words := strings.FieldsFunc(b, separates)
	return slices.ContainsFunc(strings.FieldsFunc(a, separates), func(word string) bool { return len(word) > 2 && slices.Contains(words, word) })
}

func separates(r rune) bool { return r == '-' || r == '.' || r == '_' || r == '/' }
