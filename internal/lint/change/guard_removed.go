package change

import (
	"fmt"
	"strconv"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var guardRemoved = lint.Check[*object]{
	Rule: finding.Rule{
		ID: "D-02", Name: "guard-removed", Severity: finding.Medium, Since: "0.1.0",
		Summary: "No change takes away a bound or a guard unsaid",
	},
	Run: func(p *lint.Pass, o *object) {
		for _, lost := range o.lost {
			p.Report(lint.Problem{
				At: name(o.head), Subject: o.head.Subject(), Path: "guards." + lost.Kind + "." + lost.Name,
				Message: fmt.Sprintf("the change removes %s %q, which was for %s %q; keep it, or say in the pull request why it is not needed", lost.Kind, lost.Name, o.head.Kind, o.head.Name),
				Related: []finding.Location{noted(lost, lost.Node.Get("metadata").Get("name"))},
			})
		}
		head, ok := o.head.Workload()
		base, was := o.base.Workload()
		if ok && was {
			raisedLimits(p, head, base)
			fewerReplicas(p, head, base)
		}
	},
}

func name(o *kubernetes.Object) finding.Location {
	if n := o.Node.Get("metadata").Get("name"); n.Exists() {
		return n.At()
	}
	return o.Node.At()
}

// muchMore is by how much a limit has to grow to be told: twice is a correction.
const muchMore = 2

// raisedLimits tells the limits that grew to more than twice what they were.
func raisedLimits(p *lint.Pass, head, base *kubernetes.Workload) {
	before := map[string]*kubernetes.Container{}
	for _, c := range base.Containers() {
		before[c.Name] = c
	}
	for _, c := range head.Containers() {
		was := before[c.Name]
		if was == nil {
			continue
		}
		for _, resource := range []string{"memory", "cpu"} {
			from, to := was.Node.Get("resources").Get("limits").Get(resource), c.Node.Get("resources").Get("limits").Get(resource)
			old, known := kubernetes.ParseQuantity(from.Text())
			now, readable := kubernetes.ParseQuantity(to.Text())
			// What is gone is told by the rule that asks for a limit.
			if !known || !readable || now.Cmp(old.Times(muchMore)) <= 0 {
				continue
			}
			at := from.At()
			at.Note = "at the base commit"
			p.Report(lint.Problem{
				At: to.At(), Subject: head.Subject(), Path: c.Path + ".resources.limits." + resource,
				Message: fmt.Sprintf("container %q: the %s limit grows from %q to %q; say in the pull request why it needs that much more", c.Name, resource, from.Text(), to.Text()),
				Related: []finding.Location{at},
			})
		}
	}
}

// fewerReplicas tells what ran several times and now runs once.
func fewerReplicas(p *lint.Pass, head, base *kubernetes.Workload) {
	from, to := base.Node.Get("spec").Get("replicas"), head.Node.Get("spec").Get("replicas")
	old, err := strconv.Atoi(from.Text())
	now, err2 := strconv.Atoi(to.Text())
	if err != nil || err2 != nil || old < 2 || now != 1 {
		return
	}
	if scalers, others := head.Set.Scalers(head); len(scalers)+len(others) > 0 {
		return
	}
	at := from.At()
	at.Note = "at the base commit"
	p.Report(lint.Problem{
		At: to.At(), Subject: head.Subject(), Path: "spec.replicas",
		Message: fmt.Sprintf("%s %q ran %d times and now runs once, so that a node that goes takes it down; keep two, or say in the pull request why one will do", head.Kind, head.Name, old),
		Related: []finding.Location{at},
	})
}

// guarded returns the first object of the head that an object of the base guarded,
// nil where it guards nothing that is left, or is no guard.
func guarded(base *kubernetes.Set, after map[identity]*kubernetes.Object, o *kubernetes.Object) *kubernetes.Object {
	var covered []*kubernetes.Workload
	spec := o.Node.Get("spec")
	switch o.Group() + "/" + o.Kind {
	case "networking.k8s.io/NetworkPolicy":
		covered = base.Selected(o.Namespace, kubernetes.LabelSelector(spec.Get("podSelector")))
	case "policy/PodDisruptionBudget":
		covered = base.Selected(o.Namespace, kubernetes.LabelSelector(spec.Get("selector")))
	case "/LimitRange", "/ResourceQuota":
		for _, w := range base.Workloads() {
			if w.Namespace == o.Namespace {
				covered = append(covered, w)
			}
		}
	default:
		return nil
	}
	for _, w := range covered {
		if left := after[identify(w.Object)]; left != nil {
			return left
		}
	}
	return nil
}
