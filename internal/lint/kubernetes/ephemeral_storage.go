package kubernetes

import (
	"fmt"
	"slices"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var ephemeralStorage = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "RES-2.c", Name: "ephemeral-storage", Points: []string{"RES-2"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "What a pod writes to its node's disk is bounded",
		Also:    []string{"container-ephemeral-storage-request-and-limit"},
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		limited := func(c *kubernetes.Container) bool {
			return !c.Node.Get("resources").Get("limits").Get("ephemeral-storage").IsNull()
		}
		for _, v := range w.Volumes() {
			name, dir := v.Name, v.Node.Get("emptyDir")
			if !dir.Exists() || !dir.Get("sizeLimit").IsNull() {
				continue
			}
			memory := dir.Get("medium").Text() == "Memory" // which counts as the container's memory
			if len(v.Mounts) == 0 || memory || slices.ContainsFunc(v.Mounts, func(m kubernetes.Mount) bool { return limited(m.Container) }) {
				continue
			}
			p.Report(lint.Problem{
				At: or(v.Node.Get("name").At(), v.Node.At()), Subject: w.Subject(), Path: w.Path() + ".volumes[" + name + "].sizeLimit",
				Message: fmt.Sprintf("volume %q may fill the node's disk; give its emptyDir a sizeLimit", name),
			})
		}
		if !demanding(p) {
			return
		}
		each(w, func(c *kubernetes.Container) {
			if limited(c) || isTrue(c.Security("readOnlyRootFilesystem")) {
				return
			}
			p.Report(lint.Problem{
				At: or(c.Node.Key("resources").At(), c.At()), Subject: w.Subject(), Path: c.Path + ".resources.ephemeral-storage",
				Message: fmt.Sprintf("container %q may fill the node's disk; limit its ephemeral-storage, or make its root filesystem read-only", c.Name),
			})
		}, kubernetes.Main, kubernetes.Sidecar)
	}),
}
