package kubernetes

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var policyServicePort = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "NET-2.b", Name: "policy-service-port", Points: []string{"NET-2"}, Severity: finding.High, Since: "0.1.0",
		Summary: "The ports of a NetworkPolicy are those of pods, not those of Services",
	},
	Run: func(p *lint.Pass, o *kubernetes.Object) {
		policy, ok := o.Policy()
		if !ok {
			return
		}
		for _, direction := range []kubernetes.Direction{kubernetes.Ingress, kubernetes.Egress} {
			for _, rule := range policy.Rules(direction) {
				if pods := reached(policy, rule, direction); len(pods) > 0 {
					for _, port := range rule.Get("ports").Items() {
						policyPort(p, policy, direction, port, pods)
					}
				}
			}
		}
	},
}

// reached returns the workloads that traffic of a rule goes to, where all of them
// are known.
func reached(policy *kubernetes.Policy, rule kubernetes.Node, direction kubernetes.Direction) []*kubernetes.Workload {
	o := policy.Object
	var all []*kubernetes.Workload
	if direction == kubernetes.Ingress {
		if o.Set.MayRun(policy.Selects()) {
			return nil
		}
		all = o.Set.Selected(o.Namespace, policy.Selects())
	} else {
		for _, peer := range rule.Get("to").Items() {
			selector := kubernetes.LabelSelector(peer.Get("podSelector"))
			if selector.Nothing() || peer.Get("namespaceSelector").Exists() || o.Set.MayRun(selector) {
				return nil
			}
			all = append(all, o.Set.Selected(o.Namespace, selector)...)
		}
	}
	if len(together(o, all)) != len(all) {
		return nil
	}
	return all
}

func policyPort(p *lint.Pass, policy *kubernetes.Policy, direction kubernetes.Direction, n kubernetes.Node, pods []*kubernetes.Workload) {
	text, protocol := n.Get("port").Text(), n.Get("protocol").Text()
	if protocol == "" {
		protocol = "TCP"
	}
	if text == "" || kubernetes.Placeholder(text) || n.Get("endPort").Exists() {
		return
	}
	problem := lint.Problem{At: n.Get("port").At(), Subject: policy.Subject(), Path: "spec." + string(direction) + ".ports[" + text + "]"}
	number, err := strconv.Atoi(text)
	if err != nil {
		if !slices.ContainsFunc(pods, func(w *kubernetes.Workload) bool { return w.Resolve(text, protocol) != 0 }) {
			problem.Message = fmt.Sprintf("no container of %s has a port named %q, so that the policy allows nothing; name a port of the pods%s", called(pods[0].Object), text, offered(pods[0]))
			p.Report(problem)
		}
		return
	}
	if slices.ContainsFunc(pods, func(w *kubernetes.Workload) bool { return listens(w, number) }) {
		return
	}
	for _, w := range pods {
		for _, service := range w.Set.Services(w) {
			for _, port := range service.Ports {
				target := w.Resolve(port.Target, port.Protocol)
				if port.Port != number || port.Protocol != protocol || target == number || target == 0 {
					continue
				}
				problem.Related = []finding.Location{noted(port.Node.Get("port").At(), "this is the Service's port")}
				problem.Message = fmt.Sprintf("port %q is that of %s, whose pods listen on %d, and policies see the ports of pods; allow %d", text, called(service.Object), target, target)
				p.Report(problem)
				return
			}
		}
	}
}
