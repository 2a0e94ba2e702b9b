package kubernetes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var serviceSelector = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "X-07", Name: "service-selector", Points: []string{"NET-3"}, Severity: finding.High, Since: "0.1.0",
		Summary: "Every Service selects the pods of one workload",
		Also:    []string{"dangling-service", "service-targets-pod"},
	},
	Run: on(func(p *lint.Pass, o *kubernetes.Object) {
		service, _ := o.Service()
		selector := service.Selects()
		if selector.Nothing() || selector.Doubtful() {
			return
		}
		all := o.Set.Selected(o.Namespace, selector)
		if len(all) == 0 {
			selectsNone(p, service)
			return
		}
		if others := mixed(service, all); len(others) > 1 {
			names := make([]string, 0, len(others))
			var places []finding.Location
			for _, w := range others {
				names = append(names, called(w.Object))
				places = append(places, related(w.Object, "is selected"))
			}
			p.Report(lint.Problem{
				At: o.Node.Get("spec").Key("selector").At(), Subject: o.Subject(), Path: "spec.selector", Severity: finding.Medium, Related: places,
				Message: fmt.Sprintf("the selector %q takes the pods of %s, which are different programs, and requests go to any of them; add a label that only one of them has", selector, list(names)),
			})
			return
		}
		unevenPorts(p, service, all)
	}, "", "Service"),
}

// selectsNone reports a Service without pods: in a complete set, or where the
// workload that it is named for stands beside it with other labels.
func selectsNone(p *lint.Pass, service *kubernetes.Service) {
	o, selector := service.Object, service.Selects()
	if o.Set.MayRun(selector) {
		return
	}
	problem := lint.Problem{At: o.Node.Get("spec").Key("selector").At(), Subject: o.Subject(), Path: "spec.selector"}
	for _, w := range o.Set.NamedWorkloads(o.Name) {
		if o.Set.Together(o, w.Object) && !w.RunsToEnd() && len(o.Set.Labels(w)) > 0 {
			problem.Related = append(problem.Related, related(w.Object, "bears its name"))
			if !p.Complete {
				problem.Severity = finding.Medium // it may be meant for others
			}
			problem.Message = fmt.Sprintf("the selector %q takes no pods, not even those of %s, which have other labels; select the labels of its template", selector, called(w.Object))
		}
	}
	switch {
	case p.Complete && problem.Message == "":
		problem.Message = fmt.Sprintf("the selector %q takes no pods of the manifests, so that requests to it fail; select the labels of a template", selector)
	case problem.Message == "":
		return // they may be elsewhere
	}
	p.Report(problem)
}

// canary are labels that tell two versions of one program apart.
var canary = []string{"track", "version", "app.kubernetes.io/version", "slot", "color", "colour", "release", "deployment", "variant", "stage", "role", "shard", "app.kubernetes.io/component", "statefulset.kubernetes.io/pod-name"}

// mixed returns the workloads of different programs behind a Service. Two
// versions of one program share their image, or a label tells them apart.
func mixed(service *kubernetes.Service, all []*kubernetes.Workload) []*kubernetes.Workload {
	if service.Node.Get("spec").Get("clusterIP").Text() == "None" {
		return nil // it is a list of pods, not one address
	}
	var some []*kubernetes.Workload
	for _, w := range together(service.Object, all) {
		same := slices.ContainsFunc(some, func(other *kubernetes.Workload) bool { return other.Subject() == w.Subject() })
		if !same && !w.RunsToEnd() && w.Kind != "ReplicaSet" && (w.Kind != "Pod" || len(some) == 0) {
			some = append(some, w)
		}
	}
	if len(some) < 2 {
		return nil
	}
	first, images := service.Set.Labels(some[0]), imagesOf(some[0])
	for _, w := range some[1:] {
		labels := service.Set.Labels(w)
		for _, key := range canary {
			if labels[key] != first[key] {
				return nil
			}
		}
		if slices.ContainsFunc(imagesOf(w), func(image string) bool { return slices.Contains(images, image) }) {
			return nil
		}
	}
	return some
}

// imagesOf lists the names of the images of a workload's main containers.
func imagesOf(w *kubernetes.Workload) []string {
	var names []string
	for _, c := range w.Containers() {
		if c.Role != kubernetes.Main {
			continue
		}
		name := c.Node.Get("image").Text()
		if image, ok := source.ParseImage(name); ok {
			name = image.Name
		}
		names = append(names, name)
	}
	return names
}

// unevenPorts reports a named target that some of the pods have and others do not.
func unevenPorts(p *lint.Pass, service *kubernetes.Service, all []*kubernetes.Workload) {
	for _, port := range service.Ports {
		var with, without []*kubernetes.Workload
		for _, w := range all {
			switch {
			case w.Resolve(port.Target, port.Protocol) != 0:
				with = append(with, w)
			case service.Set.Together(service.Object, w.Object) && !w.RunsToEnd():
				without = append(without, w)
			}
		}
		if len(with) == 0 || len(without) == 0 || strings.Trim(port.Target, "0123456789") == "" {
			continue
		}
		p.Report(lint.Problem{
			At: port.Node.Get("targetPort").At(), Subject: service.Subject(), Path: "spec.ports[" + port.Target + "].targetPort", Severity: finding.Medium,
			Related: []finding.Location{related(without[0].Object, "has no such port")},
			Message: fmt.Sprintf("the pods of %s have no port named %q and get no requests, which those of %s have; name it in all of them", called(without[0].Object), port.Target, called(with[0].Object)),
		})
	}
}
