package kubernetes

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var noNetworkPolicy = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "NET-1.a", Name: "no-network-policy", Points: []string{"NET-1"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "Policies say who may reach every pod and whom it may reach",
		Also:    []string{"pod-networkpolicy", "missingNetworkPolicy", "CKV2_K8S_6", "non-isolated-pod"},
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		if !w.Isolable() {
			return
		}
		// A policy may stand beside what a chart renders to.
		set := w.Set.Anywhere()
		ingress, egress := set.Covered(w)
		if ingress && egress {
			return
		}
		open, dir := set.Uncovered(w)
		if set.OtherPolicies() {
			if open.First[""] == w {
				p.Note("policies of other makers than Kubernetes are there: whether they cover every pod is not judged")
			}
			return
		}
		directions, alone := "neither who may reach its pods nor whom they may reach", ""
		switch {
		case ingress:
			directions, alone = "not whom its pods may reach", "egress"
			open.None = open.NoEgress
		case egress:
			directions, alone = "not who may reach its pods", "ingress"
			open.None = open.NoIngress
		}
		problem := lint.Problem{At: nameAt(w.Object), Subject: w.Subject(), Path: "networkpolicy." + alone}
		if p.Profile == lint.ProfileStrict {
			problem.Severity = finding.High
		}
		problem.Message = fmt.Sprintf("NetworkPolicies say %s; add one that selects them, and allows what is needed and DNS", directions)
		if open.None {
			told(w, open, dir, alone, &problem)
			if problem.Message == "" {
				return
			}
		}
		p.Report(problem)
	}),
}

// told makes one finding of all that a namespace lacks, at its first workload: the
// cause is one.
func told(w *kubernetes.Workload, open kubernetes.Openness, dir, direction string, problem *lint.Problem) {
	problem.Message = ""
	if open.First[direction] != w {
		return
	}
	where, what := fmt.Sprintf("namespace %q has", w.Namespace), "no NetworkPolicy"
	then := "every pod may reach every other"
	if w.Namespace == "" {
		where = "the manifests without a namespace have"
	}
	if dir != "" {
		where = fmt.Sprintf("the manifests of %q have", dir)
	}
	switch direction {
	case "ingress":
		what, then = "no NetworkPolicy for ingress", "everybody may reach its pods"
	case "egress":
		what, then = "no NetworkPolicy for egress", "its pods may reach whatever they like"
	}
	problem.Subject = strings.TrimSuffix("Namespace/"+w.Namespace+"/"+dir, "/")
	problem.Excerpt = where // the first workload may be another tomorrow
	problem.Message = fmt.Sprintf("%s %s, so that %s (%s); add one that denies by default, and others that allow what is needed and DNS", where, what, then, count(open.Workloads, "workload"))
}
