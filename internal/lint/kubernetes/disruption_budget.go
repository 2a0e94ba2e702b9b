package kubernetes

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var disruptionBudget = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "X-09", Name: "disruption-budget", Points: []string{"RES-3"}, Severity: finding.High, Since: "0.1.0",
		Summary: "Every PodDisruptionBudget covers pods, alone, and lets some of them go",
		Also: []string{
			"pdb-max-unavailable", "pdb-min-available", "pdb-unhealthy-pod-eviction-policy", "pdbDisruptionsIsZero",
			"pdbMinAvailableGreaterThanHPAMinReplicas",
		},
	},
	Run: on(func(p *lint.Pass, o *kubernetes.Object) {
		budget, _ := o.Budget()
		selector := budget.Selects()
		spec := o.Node.Get("spec")
		all := o.Set.Selected(o.Namespace, selector)
		if len(all) == 0 && p.Complete && !o.Set.MayRun(selector) {
			p.Report(lint.Problem{
				At: or(spec.Key("selector").At(), nameAt(o)), Subject: o.Subject(), Path: "spec.selector",
				Message: fmt.Sprintf("the selector %q takes no pods of the manifests, so that the budget protects none; select the labels of a template", selector),
			})
			return
		}
		blocked := blocks(p, budget, all)
		overlaps(p, budget, all)
		if policy := spec.Get("unhealthyPodEvictionPolicy"); policy.Text() != "AlwaysAllow" && !blocked {
			p.Report(lint.Problem{
				At:      or(policy.At(), spec.Key("unhealthyPodEvictionPolicy").At(), o.Node.Key("spec").At(), nameAt(o)),
				Subject: o.Subject(), Path: "spec.unhealthyPodEvictionPolicy", Severity: finding.Low,
				Message: "pods that never become ready keep a node from being drained; set unhealthyPodEvictionPolicy: AlwaysAllow",
			})
		}
	}, "policy", "PodDisruptionBudget"),
}

// blocks reports a budget that lets no pod go.
func blocks(p *lint.Pass, budget *kubernetes.Budget, all []*kubernetes.Workload) bool {
	spec := budget.Node.Get("spec")
	report := func(at kubernetes.Node, field, format string, args ...any) bool {
		p.Report(lint.Problem{
			At: at.At(), Subject: budget.Subject(), Path: "spec." + field,
			Message: fmt.Sprintf(format, args...) + "; allow for one pod less",
		})
		return true
	}
	highest := spec.Get("maxUnavailable")
	if text := highest.Text(); text == "0" || text == "0%" {
		return report(highest, "maxUnavailable", "maxUnavailable %q lets no pod go, so that no node is drained", text)
	}
	lowest := spec.Get("minAvailable")
	if lowest.Text() == "100%" {
		return report(lowest, "minAvailable", "minAvailable \"100%%\" lets no pod go, so that no node is drained")
	}
	if lowest.IsNull() || len(all) == 0 {
		return false
	}
	pods := 0
	for _, w := range all {
		n, known := budget.Set.Replicas(w)
		if !known || w.RunsToEnd() || !slices.Contains([]string{"Deployment", "StatefulSet", "ReplicaSet"}, w.Kind) || !budget.Set.Together(budget.Object, w.Object) {
			return false
		}
		pods += n
	}
	least, ok := share(lowest.Text(), pods)
	if !ok || pods == 0 || least < pods {
		return false
	}
	return report(lowest, "minAvailable", "minAvailable %q is all of the %s of %s, so that no node is drained", lowest.Text(), count(pods, "pod"), called(all[0].Object))
}

// share is a number, or a percentage of all rounded up, as the API does it.
func share(text string, all int) (int, bool) {
	percent, isPercent := strings.CutSuffix(text, "%")
	n, err := strconv.Atoi(percent)
	if err != nil || n < 0 || n > 1_000_000 {
		return 0, false
	}
	if isPercent {
		n = (n*all + 99) / 100
	}
	return n, true
}

// count writes a number of things: "1 pod", "3 pods".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}

// overlaps reports pods that two budgets select: the API refuses to evict these,
// whatever the budgets say.
func overlaps(p *lint.Pass, budget *kubernetes.Budget, all []*kubernetes.Workload) {
	for _, w := range all {
		if !budget.Set.Together(budget.Object, w.Object) {
			continue
		}
		for _, other := range budget.Set.Budgets(w) {
			if other.Name == budget.Name || !budget.Set.Together(budget.Object, other.Object) {
				continue
			}
			if other.Name > budget.Name {
				continue // told at the other one
			}
			p.Report(lint.Problem{
				At: or(budget.Node.Get("spec").Key("selector").At(), nameAt(budget.Object)), Subject: budget.Subject(), Path: "spec.selector." + w.Name,
				Related: []finding.Location{related(other.Object, "selects them, too")},
				Message: fmt.Sprintf("%s selects the pods of %s, too, and the API evicts no pod that two budgets select; leave one of them", called(other.Object), called(w.Object)),
			})
			return
		}
	}
}
