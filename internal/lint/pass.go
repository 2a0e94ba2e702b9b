package lint

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// Pass is one look of the checks at one thing. It stamps what they report with
// the rule, the path and the text.
type Pass struct {
	Options

	rule     finding.Rule
	file     *source.File
	texts    map[string]text // by path
	findings []finding.Finding
	notes    []string
	unknown  []Unknown
}

// text is a file and what of it no report may show.
type text struct {
	file   *source.File
	masked []finding.Location
	from   func(finding.Location) []finding.Location // where what stands at a place comes from
}

// at returns the text that a location lies in: a unit may reach over files.
func (p *Pass) at(path string) text {
	if t, ok := p.texts[path]; ok {
		return t
	}
	return text{file: p.file}
}

// Problem is what a check reports.
type Problem struct {
	// At is the offending text, or the object that lacks something.
	At finding.Location
	// Subject and Path are those of finding.Finding.
	Subject, Path string
	Message       string
	// Severity overrides the rule's when it is not zero.
	Severity finding.Severity
	// Excerpt overrides the text at At. A check on secrets sets it.
	Excerpt string
	Related []finding.Location
	// Fix is how it could be mended; nil where only a person can know.
	Fix *finding.Fix
}

// Report records a problem.
func (p *Pass) Report(problem Problem) {
	f := finding.Finding{
		Rule: p.rule, Severity: problem.Severity, Subject: problem.Subject, Path: problem.Path,
		Message: problem.Message, Location: problem.At, Related: problem.Related, Excerpt: problem.Excerpt, Fix: problem.Fix,
	}
	if f.Severity == finding.Unknown {
		f.Severity = p.rule.Severity
	}
	if f.Excerpt == "" {
		f.Excerpt = p.text(problem.At)
	}
	if from := p.at(problem.At.Path).from; from != nil {
		f.Related = slices.Concat(f.Related, from(problem.At))
	}
	f.SourceLine = p.at(problem.At.Path).shown(problem.At.Line, 1, math.MaxInt)
	p.findings = append(p.findings, f)
}

// Note records something that a reader should know and that is no problem: what
// could not be decided, say.
func (p *Pass) Note(text string) { p.notes = append(p.notes, p.file.Path+": "+text) }

// Unknown records that the rule's points cannot be decided here, in a few words.
func (p *Pass) Unknown(why string) {
	for _, point := range p.rule.Points {
		p.unknown = append(p.unknown, Unknown{point, p.file.Path + ": " + why})
	}
}

// maxRunes is how much of a line or excerpt a finding carries.
const maxRunes = 400

// text is the first line of what stands at a location, secrets masked.
func (p *Pass) text(at finding.Location) string {
	end := at.EndColumn
	if at.EndLine != at.Line {
		end = math.MaxInt
	}
	return strings.TrimSpace(p.at(at.Path).shown(at.Line, at.Column, end))
}

// margin is how many code points around a shown text are looked at for tokens
// that it cuts through.
const margin = 2000

// shown returns columns from to (exclusive) of line n, at most maxRunes of them,
// with one asterisk per code point of a secret. A minified file is one line of
// megabytes, so that only what is near is looked at.
func (t text) shown(n, from, to int) string {
	line, ok := t.file.Line(n)
	if !ok || from < 1 {
		return ""
	}
	to = min(to, from+maxRunes)
	first := max(1, from-margin)
	start := t.file.Offset(n, first)
	end := min(t.file.Skip(start, to-first+margin), t.file.LineStart(n)+len(line))
	if end <= start {
		return ""
	}
	runes := []rune(t.file.Text[start:end])
	i := sort.Search(len(t.masked), func(i int) bool {
		m := t.masked[i]
		return m.EndLine > n || m.EndLine == n && m.EndColumn > first
	})
	for ; i < len(t.masked); i++ {
		m := t.masked[i]
		if m.Line > n || m.Line == n && m.Column >= first+len(runes) {
			break
		}
		low, high := 0, len(runes)
		if m.Line == n {
			low = max(0, m.Column-first)
		}
		if m.EndLine == n {
			high = min(high, m.EndColumn-first)
		}
		for j := low; j < high; j++ {
			runes[j] = '*'
		}
	}
	runes = []rune(source.MaskTokens(string(runes)))
	return string(runes[min(from-first, len(runes)):min(to-first, len(runes))])
}

// inOrder sorts the places that are masked, which do not overlap.
func inOrder(masked []finding.Location) []finding.Location {
	masked = slices.Clone(masked)
	slices.SortFunc(masked, func(a, b finding.Location) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return masked
}
