package kubernetes

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

// part says that a workload is a patch, whatever its file is called: a container
// without an image runs nowhere, and what it lacks is in the object that it is put
// over. One such container beside others makes no patch of what selects pods, or of a
// pod: it may be filled in by an injector, and must not hide the others.
func part(w *kubernetes.Workload) bool {
	containers := w.Containers()
	bare := 0
	for _, c := range containers {
		if c.Node.Get("image").Text() == "" {
			bare++
		}
	}
	selects := w.Kind == "Pod" || w.Kind == "Job" || w.Kind == "CronJob" || w.Node.Get("spec").Get("selector").Exists()
	return bare == len(containers) || bare > 0 && !selects
}

// workloads counts those of a file that are judged as such.
func workloads(f *kubernetes.File) int {
	n := 0
	for _, w := range f.Workloads() {
		if !part(w) && !leftover(w.Object) {
			n++
		}
	}
	return n
}

// tellParts notes the workloads that the rules on workloads leave alone.
func tellParts(set *lint.Set[*kubernetes.Object], all *kubernetes.Set) {
	for _, o := range all.Objects() {
		if w, ok := o.Workload(); ok && (leftover(o) || part(w)) {
			set.Notes = append(set.Notes, fmt.Sprintf("%s:%d: %s is a patch, a part of an object: only the doors that it opens to its node were judged", o.File.Source.Path, o.Node.At().Line, o.Subject()))
		}
	}
}
