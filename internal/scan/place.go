package scan

import (
	"cmp"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// Place moves findings in layers to the lines of the Dockerfile that made the
// layers, in place. Both maps are by diffID; base holds the layers that the FROM
// image brought. A finding whose layer has no line, or no layer, stays where it
// is. The artifact of a finding, its image or package, is kept.
func Place(findings []finding.Finding, lines map[string]finding.Location, base map[string]bool) {
	for i := range findings {
		f := &findings[i]
		layer := f.Layer
		if f.Vulnerability != nil {
			if layer == "" {
				layer = f.Vulnerability.LayerDiffID
			}
			f.Vulnerability.FromBase = base[layer]
		}
		line, ok := lines[layer]
		if layer == "" || !ok {
			continue
		}
		line.Artifact = cmp.Or(f.Location.Artifact, line.Artifact)
		f.Location = line
	}
}
