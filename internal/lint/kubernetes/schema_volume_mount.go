package kubernetes

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes/schema"
)

var schemaVolumeMount = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "COR-65", Name: "schema-volume-mount", Severity: finding.High, Since: "0.1.0",
		Summary: "Every mount of a container names a volume of its pod",
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		if !whole(w.Object) {
			return
		}
		volumes := map[string]bool{}
		for _, v := range w.Pod.Get("volumes").Items() {
			volumes[v.Get("name").Text()] = true
		}
		for _, claim := range w.Node.Get("spec").Get("volumeClaimTemplates").Items() {
			name := claim.Get("metadata").Get("name").Text()
			if name == "" {
				return // merged from elsewhere
			}
			volumes[name] = true
		}
		for _, c := range w.Containers() {
			for _, field := range []string{"volumeMounts", "volumeDevices"} {
				for _, m := range c.Node.Get(field).Items() {
					name := m.Get("name")
					if text := name.Text(); text != "" && !volumes[text] && !schema.Placeholder(text) {
						p.Report(lint.Problem{
							At: name.At(), Subject: w.Subject(), Path: c.Path + "." + field + "[" + text + "]",
							Message: fmt.Sprintf("container %q mounts %q, which is no volume of the pod, and Kubernetes refuses it; add it to \"volumes\"", c.Name, text),
						})
					}
				}
			}
		}
	}),
}
