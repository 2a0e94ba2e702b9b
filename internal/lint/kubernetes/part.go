package kubernetes

import (
	"fmt"
	"slices"

	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

// part says that a workload is a patch, whatever its file is called: a container
// without an image runs nowhere, and what it lacks is in the object that it is put
// over.
func part(w *kubernetes.Workload) bool {
	containers := w.Containers()
	return len(containers) == 0 || slices.ContainsFunc(containers, func(c *kubernetes.Container) bool { return c.Node.Get("image").Text() == "" })
}

// tellParts notes the workloads that the rules on workloads leave alone.
func tellParts(set *lint.Set[*kubernetes.Object], all *kubernetes.Set) {
	for _, o := range all.Objects() {
		if w, ok := o.Workload(); ok && (leftover(o) || part(w)) {
			set.Notes = append(set.Notes, fmt.Sprintf("%s:%d: %s is a patch, a part of an object: what it lacks was not judged", o.File.Source.Path, o.Node.At().Line, o.Subject()))
		}
	}
}
