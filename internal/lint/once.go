package lint

import "github.com/plimsoll-ci/plimsoll/internal/finding"

// once drops what is told again of the same object and place: a chart with several
// values and a base of several overlays are judged as often as they are rendered, and
// then namespaces in the messages may differ. Findings are in order, so that of several
// severities the highest stays. What is dropped was covered by the same comments.
func (l *Looked) once(findings []finding.Finding) []finding.Finding {
	l.report.rendered = map[string]bool{}
	for file, document := range l.documents {
		if _, ok := document.(interface{ Rendered() }); ok {
			l.report.rendered[file.Path] = true
		}
	}
	return l.report.first(findings, func(f *finding.Finding) string { return f.Subject })
}

// Once leaves of the findings, which are the report's with their statuses, one for each
// place in a template that many objects are made of. It comes after the comparison:
// that one of the objects is new is not hidden by what an old one has.
func (r *Report) Once(findings []finding.Finding) []finding.Finding {
	return r.first(findings, func(*finding.Finding) string { return "" })
}

func (r *Report) first(findings []finding.Finding, of func(*finding.Finding) string) []finding.Finding {
	type key struct {
		rule, path, file, message, of string
		line, column                  int
		status                        finding.Status
		excused                       bool
	}
	seen := make(map[key]bool, len(findings))
	kept := findings[:0]
	for _, f := range findings {
		at := f.Location
		if !r.rendered[at.Path] {
			kept = append(kept, f)
			continue
		}
		k := key{f.Rule.ID, f.Path, at.Path, f.Message, of(&f), at.Line, at.Column, f.Status, f.Suppressed != nil}
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
