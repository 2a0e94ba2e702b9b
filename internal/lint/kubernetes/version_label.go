package kubernetes

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var versionLabel = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "OBS-3.b", Name: "version-label", Points: []string{"OBS-3"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "The version that a label tells is that of an image",
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		label := w.Template.Get("metadata").Get("labels").Get("app.kubernetes.io/version")
		version := strings.TrimPrefix(label.Text(), "v")
		if version == "" || filled(version) || w.RunsToEnd() { // a chart's jobs run other programs
			return
		}
		var other string
		for _, c := range w.Containers() {
			image, ok := source.ParseImage(c.Node.Get("image").Text())
			switch {
			case !c.Runs() || c.Role == kubernetes.Sidecar:
			case !ok || image.Floating() || image.Tag == "" || strings.Contains(image.Tag, version) || strings.HasPrefix(version, strings.TrimPrefix(image.Tag, "v")) || w.Set.Replaced(image.Name) != "":
				return // it is the version, or nobody can know
			case other == "":
				other = c.Node.Get("image").Text()
			}
		}
		if other != "" {
			p.Report(lint.Problem{
				At: label.At(), Subject: w.Subject(), Path: "labels[app.kubernetes.io/version]",
				Message: fmt.Sprintf("the pods say that they run version %q, and the image is %q; make them one", label.Text(), other),
			})
		}
	}),
}
