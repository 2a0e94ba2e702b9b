package lint

import "github.com/plimsoll-ci/plimsoll/internal/finding"

// once drops what is told again of the same place: a chart with several values and a
// base of several overlays are judged as often as they are rendered. Findings are in
// order, so that of several severities the highest stays. A finding that is excused
// once is not excused for another rendering by being dropped: all of one place are
// covered by the same comments.
func once(findings []finding.Finding) []finding.Finding {
	type key struct {
		rule, path, message, file string
		line, column              int
		artifact, layer           string
	}
	seen := make(map[key]bool, len(findings))
	kept := findings[:0]
	for _, f := range findings {
		at := f.Location
		k := key{f.Rule.ID, f.Path, f.Message, at.Path, at.Line, at.Column, at.Artifact, f.Layer}
		if f.Vulnerability == nil && at.Line > 0 && seen[k] {
			continue
		}
		seen[k] = true
		kept = append(kept, f)
	}
	return kept
}
