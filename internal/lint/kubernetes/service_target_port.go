package kubernetes

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var serviceTargetPort = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "NET-3.a", Name: "service-target-port", Points: []string{"NET-3"}, Severity: finding.High, Since: "0.1.0",
		Summary: "Every port of a Service leads to a port of its pods",
	},
	Run: on(func(p *lint.Pass, o *kubernetes.Object) {
		service, _ := o.Service()
		all := o.Set.Selected(o.Namespace, service.Selects())
		if len(together(o, all)) == 0 {
			return
		}
		for _, port := range service.Ports {
			targetPort(p, service, port, all)
		}
	}, "", "Service"),
}

func targetPort(p *lint.Pass, service *kubernetes.Service, port kubernetes.ServicePort, all []*kubernetes.Workload) {
	if port.Target == "" || kubernetes.Placeholder(port.Target) {
		return
	}
	at := port.Node.Get("targetPort")
	if at.Text() == "" || at.Text() == "0" {
		at = port.Node.Get("port")
	}
	problem := lint.Problem{
		At: at.At(), Subject: service.Subject(), Path: "spec.ports[" + port.Target + "].targetPort",
		Related: []finding.Location{related(all[0].Object, "runs the pods")},
	}
	number, err := strconv.Atoi(port.Target)
	if err != nil {
		if slices.ContainsFunc(all, func(w *kubernetes.Workload) bool { return w.Resolve(port.Target, port.Protocol) != 0 }) {
			return
		}
		what := "port"
		if port.Protocol == "UDP" || port.Protocol == "SCTP" {
			what = port.Protocol + " port"
		}
		problem.Message = fmt.Sprintf("no container of %s has a %s named %q, so that requests to it fail; name the port that is meant%s", called(all[0].Object), what, port.Target, offered(all[0]))
		p.Report(problem)
		return
	}
	// Declaring a port is optional, so that a number is told only where it was not
	// written for the pods at all, and they have one port that can be meant.
	if !port.Node.Get("targetPort").IsNull() || len(service.Ports) != 1 || slices.ContainsFunc(all, func(w *kubernetes.Workload) bool { return len(w.Ports()) != 1 || listens(w, number) }) {
		return
	}
	problem.Severity = finding.Medium
	problem.Message = fmt.Sprintf("without a targetPort requests go to port %q of the pods, and the container of %s has another; set the targetPort%s", port.Target, called(all[0].Object), offered(all[0]))
	p.Report(problem)
}

// offered lists the ports that there are: " (8080 or http)".
func offered(w *kubernetes.Workload) string {
	var words []string
	for _, p := range w.Ports() {
		word := p.Name
		if word == "" {
			word = strconv.Itoa(p.Number)
		}
		if !slices.Contains(words, word) && len(words) < 5 {
			words = append(words, word)
		}
	}
	if len(words) == 0 {
		return ""
	}
	return " (there is " + list(words) + ")"
}
