package stack

import (
	"fmt"
	"slices"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack/binding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

var digestMoved = lint.Check[*ship]{
	Rule: finding.Rule{
		ID: "X-13", Name: "digest-moved", Points: []string{"IMG-4"}, Severity: finding.High, Since: "0.1.0",
		Summary: "A reference with tag and digest means the image of that tag that was judged",
	},
	Run: func(p *lint.Pass, s *ship) {
		for _, c := range s.containers {
			// Without the digest of the index that holds the images, theirs say nothing.
			if c.Image == nil || c.Ref.Digest == "" || c.Ref.Tag == "" || len(p.Digests) == 0 || slices.Contains(p.Digests, c.Ref.Digest) {
				continue
			}
			same := slices.ContainsFunc(p.Tags, func(text string) bool {
				ref, ok := source.ParseImage(text)
				return ok && ref.Tag == c.Ref.Tag && binding.Normal(ref.Name) == binding.Normal(c.Ref.Name)
			})
			if !same {
				continue // an earlier release
			}
			p.Report(about(c, "image", c.Node.Get("image").At(), fmt.Sprintf(
				"container %q runs %q, and what was judged under that tag is %s: what runs is another image; write the digest that was judged", c.Name, c.Node.Get("image").Text(), p.Digests[0],
			)))
		}
	},
}
