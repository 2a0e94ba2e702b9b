package kubernetes

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var imageDigest = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "IMG-4.k", Name: "image-digest", Points: []string{"IMG-4"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "Every container's image is pinned by the digest that was judged",
		Also:    []string{"CKV_K8S_43"},
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		for _, c := range w.Containers() {
			node := c.Node.Get("image")
			image, ok := source.ParseImage(node.Text())
			if !ok || image.Floating() || image.Digest != "" {
				continue
			}
			if replaced(p, w, node, image) {
				continue
			}
			p.Report(lint.Problem{
				At: node.At(), Subject: w.Subject(), Path: c.Path + ".image",
				Message: fmt.Sprintf("container %q: image %q has a tag but no digest, and a tag can be moved after it was judged; pin it as \"%s@sha256:…\"", c.Name, node.Text(), image),
				Fix:     &finding.Fix{Class: finding.Verified, Message: "pin the digest of the image that was scanned"},
			})
		}
	}),
}

// replaced says that a kustomization sets the image's tag or digest, and notes it.
func replaced(p *lint.Pass, w *kubernetes.Workload, node kubernetes.Node, image source.Image) bool {
	by := w.Set.Replaced(image.Name)
	if by != "" {
		p.Note(fmt.Sprintf("image %q gets its tag from %s when it is applied: not judged", node.Text(), by))
	}
	return by != ""
}
