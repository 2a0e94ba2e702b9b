package kubernetes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var metrics = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "OBS-1.a", Name: "metrics", Points: []string{"OBS-1"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "Metrics are where somebody looks for them",
		Also:    []string{"dangling-servicemonitor"},
	},
	Run: func(p *lint.Pass, o *kubernetes.Object) {
		if w, ok := o.Workload(); ok {
			scraped(p, w)
			return
		}
		if o.Kind == "ServiceMonitor" || o.Kind == "PodMonitor" {
			monitored(p, o)
		}
	},
}

// scraped reports a workload whose metrics nobody finds, where the profile
// asks for that.
func scraped(p *lint.Pass, w *kubernetes.Workload) {
	services := w.Set.Services(w)
	if w.RunsToEnd() || len(services) == 0 || !demanding(p) || w.Set.Anywhere().Monitored(w) || pushes(w) {
		return
	}
	problem := lint.Problem{
		At: nameAt(services[0].Object), Subject: w.Subject(), Path: "metrics",
		Message: fmt.Sprintf("nobody finds metrics of %s: there is no ServiceMonitor, PodMonitor, annotation or exporter for them", called(w.Object)),
	}
	for _, port := range services[0].Ports {
		if port.Name == "" && services[0].Set.Together(services[0].Object, w.Object) {
			problem.At = port.Node.At()
			problem.Message += ", and the Service's port has no name that one could refer to"
			break
		}
	}
	problem.Message += "; say where they are, or that they are pushed"
	if p.Profile == lint.ProfileStrict {
		problem.Severity = finding.Medium
	}
	p.Report(problem)
}

// pushes says that a workload sends its metrics to somebody, or has them read in
// some way that its annotations tell.
func pushes(w *kubernetes.Workload) bool {
	for _, metadata := range []kubernetes.Node{w.Template.Get("metadata"), w.Node.Get("metadata")} {
		for _, e := range metadata.Get("annotations").Entries() {
			for _, word := range []string{"prometheus", "opentelemetry", "datadog", "metrics", "newrelic", "dynatrace", "instrumentation"} {
				if strings.Contains(e.Key.Text(), word) {
					return true
				}
			}
		}
	}
	for _, service := range w.Set.Services(w) {
		if slices.ContainsFunc(annotations(service.Object), func(e kubernetes.Entry) bool { return strings.Contains(e.Key.Text(), "prometheus") }) {
			return true
		}
	}
	for _, c := range w.Containers() {
		for _, v := range w.Set.EnvironmentOf(c).Variables {
			if strings.HasPrefix(v.Name, "OTEL_") || strings.HasPrefix(v.Name, "DD_") || strings.Contains(v.Name, "STATSD") {
				return true
			}
		}
		if strings.Contains(c.Name, "exporter") {
			return true
		}
	}
	return false
}

// monitored reports a monitor whose endpoint is a port that nothing it selects has.
func monitored(p *lint.Pass, o *kubernetes.Object) {
	spec := o.Node.Get("spec")
	selector := kubernetes.LabelSelector(spec.Get("selector"))
	if spec.Get("namespaceSelector").Exists() || selector.Nothing() || selector.Doubtful() {
		return
	}
	field := "endpoints"
	names := map[string]bool{}
	var first *kubernetes.Object
	if o.Kind == "PodMonitor" {
		field = "podMetricsEndpoints"
		for _, w := range o.Set.Selected(o.Namespace, selector) {
			if first == nil && o.Set.Together(o, w.Object) {
				first = w.Object
			}
			for _, port := range w.Ports() {
				names[port.Name] = true
			}
		}
	} else {
		for _, service := range o.Set.LabelledServices(o.Namespace, selector) {
			if first == nil && o.Set.Together(o, service.Object) {
				first = service.Object
			}
			for _, port := range service.Ports {
				names[port.Name] = true
			}
		}
	}
	if first == nil {
		if p.Complete && len(names) == 0 && !o.Set.MayRun(selector) {
			p.Report(lint.Problem{
				At: or(spec.Key("selector").At(), nameAt(o)), Subject: o.Subject(), Path: "spec.selector", Severity: finding.Medium,
				Message: fmt.Sprintf("the selector %q takes nothing of the manifests, so that no metrics are read; select the labels of what serves them", selector),
			})
		}
		return
	}
	for _, endpoint := range spec.Get(field).Items() {
		port := endpoint.Get("port")
		if port.Text() == "" || kubernetes.Placeholder(port.Text()) || names[port.Text()] {
			continue
		}
		p.Report(lint.Problem{
			At: port.At(), Subject: o.Subject(), Path: "spec." + field + "[" + port.Text() + "]", Severity: finding.Medium,
			Related: []finding.Location{related(first, "is selected")},
			Message: fmt.Sprintf("%s has no port named %q, so that no metrics are read; name the port, or another", called(first), port.Text()),
		})
	}
}
