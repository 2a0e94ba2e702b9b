package kubernetes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var policyDNS = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "NET-2.c", Name: "policy-dns", Points: []string{"NET-2"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "Pods that may reach others may ask for their names",
	},
	Run: func(p *lint.Pass, o *kubernetes.Object) {
		policy, ok := o.Policy()
		if !ok || !policy.Egress || !asksNames(policy) || o.Set.OtherPolicies() {
			return
		}
		for _, w := range together(o, o.Set.Selected(o.Namespace, policy.Selects())) {
			if own := w.Pod.Get("dnsPolicy").Text(); own == "None" || own == "Default" || !w.Isolable() {
				continue // it asks somebody else
			}
			policies := o.Set.Policies(w)
			// The cause is one, whichever of the policies mends it.
			first := slices.IndexFunc(policies, func(p *kubernetes.Policy) bool { return p.Egress && asksNames(p) && o.Set.Together(o, p.Object) })
			if first < 0 || policies[first].Object != o || slices.ContainsFunc(policies, resolves) {
				continue // what resolves is asked last: it looks into all of them
			}
			p.Report(lint.Problem{
				At: or(o.Node.Get("spec").Key("egress").At(), nameAt(o)), Subject: o.Subject(), Path: "spec.egress",
				Related: []finding.Location{related(w.Object, "is selected")},
				Message: fmt.Sprintf("the pods of %s may reach others and not ask for their names, because no policy allows DNS; allow UDP and TCP port 53 to kube-system", called(w.Object)),
			})
			return
		}
	},
}

// asksNames says that a policy allows something that is found by name: anything
// but single addresses.
func asksNames(policy *kubernetes.Policy) bool {
	for _, rule := range policy.Rules(kubernetes.Egress) {
		peers := rule.Get("to").Items()
		if len(peers) == 0 {
			return true
		}
		for _, peer := range peers {
			if cidr := peer.Get("ipBlock").Get("cidr").Text(); cidr == "" || strings.HasSuffix(cidr, "/0") {
				return true
			}
		}
	}
	return false
}

// resolves says that a policy allows DNS, or may.
func resolves(policy *kubernetes.Policy) bool {
	for _, rule := range policy.Rules(kubernetes.Egress) {
		if !kubernetes.AllowsDNS(rule) {
			continue
		}
		peers := rule.Get("to").Items()
		if len(peers) == 0 || slices.ContainsFunc(peers, func(peer kubernetes.Node) bool { return mayResolve(policy, peer) }) {
			return true
		}
	}
	return false
}

// mayResolve says that a peer may be what answers DNS, which is in a namespace of
// its own or at an address on the node.
func mayResolve(policy *kubernetes.Policy, peer kubernetes.Node) bool {
	if peer.Get("ipBlock").Exists() {
		return true
	}
	namespaces := peer.Get("namespaceSelector")
	if namespaces.IsNull() {
		return policy.Namespace == "kube-system" || strings.Contains(policy.Namespace, "dns")
	}
	selector := kubernetes.LabelSelector(namespaces)
	return slices.ContainsFunc([]string{"kube-system", "openshift-dns"}, func(namespace string) bool {
		return policy.Set.InNamespace(selector, namespace) != kubernetes.No
	})
}
