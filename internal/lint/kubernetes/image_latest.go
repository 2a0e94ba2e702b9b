package kubernetes

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var imageLatest = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "IMG-4.a", Name: "image-latest", Points: []string{"IMG-4"}, Severity: finding.High, Since: "0.1.0",
		Summary: "Every container's image names a version or a digest",
		Also:    []string{"KSV-0013", "CKV_K8S_14", "latest-tag", "container-image-tag", "tagNotSpecified"},
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		for _, c := range w.Containers() {
			node := c.Node.Get("image")
			// What is no reference is filled in by something else before it is applied.
			image, ok := source.ParseImage(node.Text())
			if !ok || !image.Floating() {
				continue
			}
			if replaced(p, w, node, image) {
				continue
			}
			what := "has no tag and so means \"latest\","
			if image.Tag != "" {
				what = "has the tag \"latest\","
			}
			p.Report(lint.Problem{
				At: node.At(), Subject: w.Subject(), Path: c.Path + ".image",
				Message: fmt.Sprintf("container %q: image %q %s so that nobody knows what runs; name a version and the digest that was scanned", c.Name, node.Text(), what),
			})
		}
	}),
}
