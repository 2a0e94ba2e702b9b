package kubernetes

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var logVolume = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "OBS-2.b", Name: "log-volume", Points: []string{"OBS-2"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "No log is written to a volume that nobody reads and that goes with the pod",
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		for _, v := range w.Volumes() {
			if !v.Node.Get("emptyDir").Exists() || len(v.Mounts) == 0 {
				continue
			}
			first := v.Mounts[0]
			elsewhere := slices.ContainsFunc(v.Mounts, func(m kubernetes.Mount) bool { return m.Container != first.Container || !logs(m.Path) })
			if elsewhere || !first.Container.Runs() {
				continue
			}
			p.Report(lint.Problem{
				At: first.Node.Get("mountPath").At(), Subject: w.Subject(), Path: first.Container.Path + ".volumeMounts[" + first.Path + "]",
				Message: fmt.Sprintf("container %q writes logs to %q on the emptyDir %q, which nobody else reads and which goes with the pod; write them to standard output", first.Container.Name, first.Path, v.Name),
			})
		}
	}),
}

// logs says that a directory is one for logs.
func logs(dir string) bool {
	dir = path.Clean(dir)
	return strings.HasPrefix(dir+"/", "/var/log/") || path.Base(dir) == "log" || path.Base(dir) == "logs"
}
