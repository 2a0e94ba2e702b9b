package lint

import (
	"strings"
	"unicode/utf8"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// Pass is one look of the checks at one thing. It stamps what they report with
// the rule, the path and the text.
type Pass struct {
	Options

	rule     finding.Rule
	file     *source.File
	masked   []finding.Location
	findings []finding.Finding
	notes    []string
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
}

// Report records a problem.
func (p *Pass) Report(problem Problem) {
	f := finding.Finding{
		Rule: p.rule, Severity: problem.Severity, Subject: problem.Subject, Path: problem.Path,
		Message: problem.Message, Location: problem.At, Related: problem.Related, Excerpt: problem.Excerpt,
	}
	if f.Severity == finding.Unknown {
		f.Severity = p.rule.Severity
	}
	if f.Excerpt == "" {
		f.Excerpt = cut(p.text(problem.At))
	}
	f.SourceLine = p.sourceLine(problem.At.Line)
	p.findings = append(p.findings, f)
}

// Note records something that a reader should know and that is no problem: what
// could not be decided, say.
func (p *Pass) Note(text string) { p.notes = append(p.notes, p.file.Path+": "+text) }

// maxRunes is how much of a line or excerpt a finding carries.
const maxRunes = 400

func cut(text string) string {
	if utf8.RuneCountInString(text) <= maxRunes {
		return text
	}
	n := 0
	for i := range text {
		if n == maxRunes {
			return text[:i]
		}
		n++
	}
	return text
}

// text is what stands at a location, secrets masked.
func (p *Pass) text(at finding.Location) string {
	if at.Line != at.EndLine {
		at.EndLine = at.Line
		line, _ := p.file.Line(at.Line)
		at.EndColumn = utf8.RuneCountInString(line) + 1
	}
	start, end := p.file.Offset(at.Line, at.Column), p.file.Offset(at.EndLine, at.EndColumn)
	if end < start {
		return ""
	}
	// The mask covers whole lines, so that a part of a secret is no gap in it.
	line := p.maskedLine(at.Line)
	from := p.file.LineStart(at.Line)
	runes := []rune(line)
	first, last := at.Column-1, at.EndColumn-1
	if from > start || first > len(runes) || last > len(runes) {
		return ""
	}
	return strings.TrimSpace(string(runes[first:last]))
}

func (p *Pass) sourceLine(n int) string { return cut(p.maskedLine(n)) }

// maskedLine is a line with secrets replaced, one asterisk per code point.
func (p *Pass) maskedLine(n int) string {
	line, _ := p.file.Line(n)
	var runes []rune
	for _, m := range p.masked {
		if n < m.Line || n > m.EndLine {
			continue
		}
		if runes == nil {
			runes = []rune(line)
		}
		from, to := 0, len(runes)
		if n == m.Line {
			from = m.Column - 1
		}
		if n == m.EndLine {
			to = m.EndColumn - 1
		}
		for i := max(0, from); i < min(to, len(runes)); i++ {
			runes[i] = '*'
		}
	}
	if runes != nil {
		line = string(runes)
	}
	return source.MaskTokens(line)
}
