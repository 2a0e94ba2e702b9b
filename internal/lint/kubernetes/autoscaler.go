package kubernetes

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var autoscaler = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "X-08", Name: "autoscaler", Points: []string{"RES-3"}, Severity: finding.High, Since: "0.1.0",
		Summary: "Every HorizontalPodAutoscaler can do its work, and nothing works against it",
		Also: []string{
			"horizontalpodautoscaler-has-target",
			"deployment-targeted-by-hpa-does-not-have-replicas-configured",
			"dangling-horizontalpodautoscaler",
		},
	},
	Run: on(func(p *lint.Pass, o *kubernetes.Object) {
		spec := o.Node.Get("spec")
		report := func(at kubernetes.Node, path, format string, args ...any) {
			p.Report(lint.Problem{At: or(at.At(), nameAt(o)), Subject: o.Subject(), Path: path, Message: fmt.Sprintf(format, args...)})
		}
		least, most := spec.Get("minReplicas"), spec.Get("maxReplicas")
		low, errLow := strconv.Atoi(least.Text())
		high, errHigh := strconv.Atoi(most.Text())
		if errLow == nil && errHigh == nil && low > high {
			report(least, "spec.minReplicas", "minReplicas \"%d\" is more than maxReplicas \"%d\", which the API refuses; exchange them", low, high)
		}
		ref := spec.Get("scaleTargetRef")
		kind, name := ref.Get("kind").Text(), ref.Get("name")
		if slices.Contains([]string{"DaemonSet", "Job", "CronJob", "Pod", "Service", "ConfigMap"}, kind) {
			report(ref.Get("kind"), "spec.scaleTargetRef.kind", "a %s cannot be scaled; name a Deployment or a StatefulSet", kind)
			return
		}
		if !slices.Contains([]string{"Deployment", "StatefulSet", "ReplicaSet"}, kind) || kubernetes.Placeholder(name.Text()) {
			return // only its maker knows
		}
		targets := o.Set.Find(o.Namespace, "apps", kind, name.Text())
		if len(targets) == 0 {
			if p.Complete && name.Text() != "" && !o.Set.MayMake(name.Text()) {
				report(name, "spec.scaleTargetRef.name", "%s %q is nowhere in the manifests, so that nothing is scaled; name one that is there", kind, name.Text())
			}
			return
		}
		for _, target := range targets {
			if w, ok := target.Workload(); ok && o.Set.Together(o, target) {
				scaling(p, o, w)
				break
			}
		}
	}, "autoscaling", "HorizontalPodAutoscaler"),
}

// scaling looks at an autoscaler beside what it scales.
func scaling(p *lint.Pass, o *kubernetes.Object, w *kubernetes.Workload) {
	scalers, _ := o.Set.Scalers(w)
	first := slices.IndexFunc(scalers, func(other *kubernetes.Object) bool { return o.Set.Together(other, w.Object) })
	if replicas := w.Node.Get("spec").Get("replicas"); !replicas.IsNull() && first >= 0 && scalers[first] == o {
		p.Report(lint.Problem{
			At: replicas.At(), Subject: w.Subject(), Path: "spec.replicas", Severity: finding.Medium,
			Related: []finding.Location{related(o, "scales it")},
			Message: fmt.Sprintf("replicas %q is what every apply goes back to, whatever %s made of it; leave the number to the autoscaler", replicas.Text(), called(o)),
		})
	}
	for _, other := range scalers { // whichever stands first, it is told of the same one
		if other.Name < o.Name && o.Set.Together(o, other) {
			p.Report(lint.Problem{
				At: or(o.Node.Get("spec").Get("scaleTargetRef").Get("name").At(), nameAt(o)), Subject: o.Subject(), Path: "spec.scaleTargetRef",
				Related: []finding.Location{related(other, "scales it, too")},
				Message: fmt.Sprintf("%s scales %s, too, so that neither does any longer; put the metrics into one", called(other), called(w.Object)),
			})
			break
		}
	}
	for _, m := range utilisations(o) {
		unrequested(p, o, w, m)
	}
}

// utilisation is a metric that is a share of what containers request.
type utilisation struct {
	resource, container string
	at                  kubernetes.Node
}

func utilisations(o *kubernetes.Object) []utilisation {
	spec := o.Node.Get("spec")
	var all []utilisation
	if n := spec.Get("targetCPUUtilizationPercentage"); !n.IsNull() {
		all = append(all, utilisation{"cpu", "", n})
	}
	for _, metric := range spec.Get("metrics").Items() {
		for field, container := range map[string]bool{"resource": false, "containerResource": true} {
			n := metric.Get(field)
			if n.Get("target").Get("averageUtilization").IsNull() && n.Get("targetAverageUtilization").IsNull() {
				continue
			}
			u := utilisation{resource: n.Get("name").Text(), at: n.Get("name")}
			if container {
				u.container = n.Get("container").Text()
			}
			all = append(all, u)
		}
	}
	return all
}

// unrequested reports the first container without the request that a metric is a
// share of: the autoscaler gives up then, for a sidecar's sake too
// (kubernetes/kubernetes#79365).
func unrequested(p *lint.Pass, o *kubernetes.Object, w *kubernetes.Workload, m utilisation) {
	if w.Set.LimitRange(w) != "" || m.resource == "" {
		return
	}
	has := func(n kubernetes.Node) bool {
		return !n.Get("requests").Get(m.resource).IsNull() || !n.Get("limits").Get(m.resource).IsNull()
	}
	if has(w.Pod.Get("resources")) {
		return
	}
	found := false
	for _, c := range w.Containers() {
		if !c.Runs() || m.container != "" && c.Name != m.container {
			continue
		}
		found = true
		if has(c.Node.Get("resources")) {
			continue
		}
		p.Report(lint.Problem{
			At: m.at.At(), Subject: o.Subject(), Path: "spec.metrics[" + m.resource + "]." + c.Name,
			Related: []finding.Location{noted(c.At(), "requests no "+m.resource)},
			Message: fmt.Sprintf("the metric is a share of the %s that is requested, and container %q of %s requests none, so that nothing is scaled; set resources.requests.%s there, or use containerResource", m.resource, c.Name, called(w.Object), m.resource),
		})
		return
	}
	if !found && m.container != "" {
		p.Report(lint.Problem{
			At: m.at.At(), Subject: o.Subject(), Path: "spec.metrics[" + m.resource + "]." + m.container,
			Message: fmt.Sprintf("%s has no container %q, whose %s is to be measured; name one that it has", called(w.Object), m.container, m.resource),
		})
	}
}

func noted(at finding.Location, note string) finding.Location {
	at.Note = note
	return at
}
