package lint

import "github.com/plimsoll-ci/plimsoll/internal/finding"

// once drops what is told again of the same place: a chart with several values and a
// base of several overlays are judged as often as they are rendered, and then names
// and namespaces in the messages may differ. Findings are in order, so that of
// several severities the highest stays. What is dropped was covered by the same
// comments.
func (l *Looked) once(findings []finding.Finding) []finding.Finding {
	rendered := map[string]bool{}
	for file, document := range l.documents {
		if _, ok := document.(interface{ Rendered() }); ok {
			rendered[file.Path] = true
		}
	}
	type key struct {
		rule, path, file, message string
		line, column              int
	}
	seen := make(map[key]bool, len(findings))
	kept := findings[:0]
	for _, f := range findings {
		at := f.Location
		k := key{f.Rule.ID, f.Path, at.Path, f.Message, at.Line, at.Column}
		if !rendered[at.Path] {
			kept = append(kept, f)
			continue
		}
		if f.Path != "" {
			k.message = ""
		}
		if !seen[k] {
			kept = append(kept, f)
		}
		seen[k] = true
	}
	return kept
}
