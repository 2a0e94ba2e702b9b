package kubernetes

import (
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// Template is a file that manifests are rendered from, for its comments and for
// what of it is not shown.
type Template struct {
	comments []source.Comment
	masked   []finding.Location
	src      *source.File
	values   []Values
}

// NewTemplate reads the comments of a chart's template: "# plimsoll:ignore …" and
// "{{/* plimsoll:ignore … */}}". What they cover is told by indentation, since a
// template is no YAML: a list item or a key with all that is indented deeper, and
// above the first line of a document all of it. Lines of actions count for nothing.
// Of the values the first that has a key is the one that counts.
func NewTemplate(src *source.File, masked []finding.Location, values ...Values) *Template {
	t := &Template{masked: secrets(src, masked), src: src, values: values}
	if !strings.Contains(src.Text, source.Marker) {
		return t
	}
	for n := 1; n <= src.Lines(); n++ {
		line, _ := src.Line(n)
		at := strings.Index(line, source.Marker)
		if at < 0 {
			continue
		}
		head := strings.TrimRight(line[:at], " \t")
		opens := []string{"#", "{{/*", "{{- /*"}
		i := slices.IndexFunc(opens, func(open string) bool { return strings.HasSuffix(head, open) })
		if i < 0 {
			continue
		}
		start := len(head) - len(opens[i])
		text := line[at:]
		if i > 0 {
			text, _, _ = strings.Cut(text, "*/")
		}
		c := source.Comment{Text: strings.TrimSpace(text), At: src.Span(src.LineStart(n)+start, src.LineStart(n)+at+len(strings.TrimRight(text, " \t")))}
		if strings.TrimSpace(line[:start]) != "" {
			c.From, c.To = n, n
		} else {
			c.From, c.To = covered(src, n)
		}
		t.comments = append(t.comments, c)
	}
	return t
}

// NewSource is a file that manifests are built from and that is YAML itself.
func NewSource(f *File, masked []finding.Location) *Template {
	return &Template{comments: f.Comments(), masked: secrets(f.Source, slices.Concat(f.Masked(), masked))}
}

// Rendered says that what is found here may have been found in several renderings.
func (*Template) Rendered() {}

// Comments are those that excuse something, with the lines they cover.
func (t *Template) Comments() []source.Comment { return t.comments }

// Masked are the places of values that may be secrets and are never shown.
func (t *Template) Masked() []finding.Location { return t.masked }

// covered returns the lines that a comment on line n of its own covers.
func covered(src *source.File, n int) (from, to int) {
	depth, document := -1, false
	for i := n + 1; i <= src.Lines(); i++ {
		line, _ := src.Line(i)
		body := strings.TrimSpace(line)
		own := len(line) - len(strings.TrimLeft(line, " "))
		ends := body == "---" || strings.HasPrefix(body, "--- ")
		switch {
		case body == "" || strings.HasPrefix(body, "#"), ends && from == 0:
			continue
		case strings.HasPrefix(body, "{{"):
			if from == 0 && !strings.Contains(body, "include") {
				continue
			}
			if from == 0 {
				from, depth = i, own
			}
			to = i
			continue
		case ends:
			return from, to
		case from == 0:
			from, to, depth = i, i, own
			document = own == 0 && (strings.HasPrefix(body, "apiVersion:") || strings.HasPrefix(body, "kind:"))
		case document || own > depth || own == depth && strings.HasPrefix(body, "- ") && !isItem(src, from):
			to = i
		default:
			return from, to
		}
	}
	return from, to
}

func isItem(src *source.File, n int) bool {
	line, _ := src.Line(n)
	return strings.HasPrefix(strings.TrimSpace(line), "- ")
}

// secrets are the masked places that lie in a file, each once. An action that only
// names a value shows nothing of it.
func secrets(src *source.File, masked []finding.Location) []finding.Location {
	var own []finding.Location
	for _, at := range masked {
		if at.Path == src.Path && at.Line > 0 && !names(src.Slice(at)) {
			at.Note = ""
			own = append(own, at)
		}
	}
	slices.SortFunc(own, func(a, b finding.Location) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	var apart []finding.Location
	for _, at := range own {
		if n := len(apart); n > 0 && (at.Line < apart[n-1].EndLine || at.Line == apart[n-1].EndLine && at.Column < apart[n-1].EndColumn) {
			last := &apart[n-1]
			if at.EndLine > last.EndLine || at.EndLine == last.EndLine && at.EndColumn > last.EndColumn {
				last.EndLine, last.EndColumn = at.EndLine, at.EndColumn
			}
			continue
		}
		apart = append(apart, at)
	}
	return apart
}

// names says that a text is one action without a literal in it.
func names(text string) bool {
	text = strings.Trim(text, `"'`)
	inside, ok := strings.CutPrefix(text, "{{")
	if !ok {
		return false
	}
	inside, ok = strings.CutSuffix(inside, "}}")
	return ok && !strings.ContainsAny(inside, "\"`'") && !strings.Contains(inside, "}}")
}
