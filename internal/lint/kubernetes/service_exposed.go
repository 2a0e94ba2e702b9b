package kubernetes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var serviceExposed = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "NET-3.c", Name: "service-exposed", Points: []string{"NET-3"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "No Service is reached from outside the cluster past its ingress",
		Also:    []string{"service-type", "exposed-services", "KSV-0108"},
	},
	Run: on(func(p *lint.Pass, o *kubernetes.Object) {
		spec := o.Node.Get("spec")
		if ips := spec.Get("externalIPs").Items(); len(ips) > 0 {
			p.Report(lint.Problem{
				At: ips[0].At(), Subject: o.Subject(), Path: "spec.externalIPs",
				Message: fmt.Sprintf("the Service takes the traffic to address %q, whoever's it is (CVE-2020-8554); drop externalIPs", ips[0].Text()),
			})
		}
		kind := spec.Get("type")
		problem := lint.Problem{At: kind.At(), Subject: o.Subject(), Path: "spec.type"}
		switch kind.Text() {
		case "NodePort":
			problem.Message = `type "NodePort" opens a port on every node, past the ingress and its TLS; make it ClusterIP, and lead requests through an Ingress or a route`
		case "LoadBalancer":
			if narrowed(o) || entrance(o) {
				return
			}
			problem.Message = `type "LoadBalancer" has an address of its own that everybody may reach; set loadBalancerSourceRanges, make it internal, or lead requests through an Ingress or a route`
		default:
			return
		}
		p.Report(problem)
	}, "", "Service"),
}

// narrowed says that not everybody reaches a load balancer.
func narrowed(o *kubernetes.Object) bool {
	spec := o.Node.Get("spec")
	if len(spec.Get("loadBalancerSourceRanges").Items()) > 0 || strings.Contains(spec.Get("loadBalancerClass").Text(), "tailscale") {
		return true
	}
	return slices.ContainsFunc(annotations(o), func(e kubernetes.Entry) bool {
		key, value := strings.ToLower(e.Key.Text()), strings.ToLower(e.Value.Text())
		return strings.Contains(key, "internal") && value != "false" || strings.Contains(key, "source-ranges") ||
			strings.Contains(key, "load-balancer-type") && value == "internal" || strings.Contains(key, "scheme") && value == "internal" ||
			strings.Contains(key, "tailscale")
	})
}

// entrances are parts of the names of what is there to be reached from outside.
var entrances = []string{"ingress", "gateway", "traefik", "envoy", "haproxy", "kong", "istio", "contour", "nginx-controller", "proxy", "tunnel"}

// entrance says that a Service is what others are reached through.
func entrance(o *kubernetes.Object) bool {
	names := []string{o.Name}
	service, _ := o.Service()
	for _, w := range o.Set.Selected(o.Namespace, service.Selects()) {
		names = append(names, w.Name)
	}
	return slices.ContainsFunc(names, func(name string) bool {
		return slices.ContainsFunc(entrances, func(part string) bool { return strings.Contains(name, part) })
	})
}
