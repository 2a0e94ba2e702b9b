package kubernetes

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var resourcesMissing = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "RES-1.a", Name: "resources-missing", Points: []string{"RES-1"}, Severity: finding.High, Since: "0.1.0",
		Summary: "Every container requests CPU and memory and has a limit for memory",
		Also: []string{
			"KSV-0011", "KSV-0015", "KSV-0016", "KSV-0018", "CKV_K8S_10", "CKV_K8S_11", "CKV_K8S_12", "CKV_K8S_13",
			"unset-cpu-requirements", "unset-memory-requirements", "container-resources",
			"cpuRequestsMissing", "cpuLimitsMissing", "memoryRequestsMissing", "memoryLimitsMissing",
			"kubesec/RequestsCPU", "kubesec/LimitsCPU", "kubesec/RequestsMemory", "kubesec/LimitsMemory",
		},
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		pod := w.Pod.Get("resources") // for the whole pod, since Kubernetes 1.34
		for _, c := range w.Containers() {
			if c.Role == kubernetes.Ephemeral { // they cannot have any
				continue
			}
			own := c.Node.Get("resources")
			has := func(kind, resource string) bool {
				return !own.Get(kind).Get(resource).IsNull() || !pod.Get(kind).Get(resource).IsNull()
			}
			var missing []string
			for _, resource := range []string{"cpu", "memory"} {
				// Kubernetes takes the limit where there is no request.
				if !has("requests", resource) && !has("limits", resource) {
					missing = append(missing, "requests."+resource)
				}
			}
			if !has("limits", "memory") {
				missing = append(missing, "limits.memory")
			}
			severity := finding.High
			if p.Profile == lint.ProfileDocument && !has("limits", "cpu") {
				if len(missing) == 0 {
					severity = finding.Medium
				}
				missing = append(missing, "limits.cpu")
			}
			if len(missing) == 0 {
				continue
			}
			if name := w.Set.LimitRange(w); name != "" {
				p.Note(fmt.Sprintf("%s: container %q leaves resources to LimitRange %q: not judged", w.Subject(), c.Name, name))
				continue
			}
			if name := vertical(w); name != "" {
				p.Note(fmt.Sprintf("%s: container %q leaves resources to VerticalPodAutoscaler %q: not judged", w.Subject(), c.Name, name))
				continue
			}
			at := c.At()
			if key := c.Node.Key("resources"); key.Exists() {
				at = key.At()
			}
			p.Report(lint.Problem{
				At: at, Subject: w.Subject(), Path: c.Path + ".resources", Severity: lower(p, at, severity),
				Message: fmt.Sprintf("container %q does not set %s; set them from what it uses", c.Name, list(missing)),
			})
		}
	}),
}

// vertical returns the name of a VerticalPodAutoscaler of the tree that sets the
// requests of the pods, "" without: one that is off only recommends.
func vertical(w *kubernetes.Workload) string {
	_, others := w.Set.Scalers(w)
	for _, o := range others {
		mode := o.Node.Get("spec").Get("updatePolicy").Get("updateMode").Text()
		if o.Kind == "VerticalPodAutoscaler" && mode != "Off" {
			return o.Name
		}
	}
	return ""
}
