package compose

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
)

var serviceImageDigest = lint.Check[*project]{
	Rule: finding.Rule{
		ID: "IMG-3.n", Name: "service-image-digest", Points: []string{"IMG-3"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "Every image that a Compose project pulls is pinned by digest",
	},
	Run: func(p *lint.Pass, pr *project) {
		tell := pr.gently(p)
		for _, s := range pr.Services {
			image, ok := s.Image()
			v := s.Get("image")
			// A version that a variable gives may come with a digest.
			if !ok || image.Floating() || image.Digest != "" || v.Variables {
				continue
			}
			tell(about(s, "image", v.At(), fmt.Sprintf("service %q: image %q has a tag but no digest, so that two machines can run different ones; pin it as \"%s@sha256:…\"", s.Name, v.Text, image)))
		}
	},
}
