package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// How much the text shows unless Verbose; the rest is counted. A screenful or
// two of each kind: who has more needs report.json, not scrolling.
const (
	maxProblems = 100
	maxPackages = 40
	maxUnread   = 20
	maxEvidence = 20
)

// defaultWidth is used where the width is not known.
const defaultWidth = 100

// TextOptions say how the text looks.
type TextOptions struct {
	Color bool
	// Width of the reader's window in columns; 0 is 100, less than 40 is 40.
	Width int
	// Verbose shows everything: no limits, suppressed findings with their reasons.
	Verbose bool
	// Report names the saved report.json, where what is left out can be found;
	// empty is "report.json".
	Report string
}

// Text writes the report for people. The last lines are the verdict, up to three
// causes and the command that reproduces it. It returns the first error of w.
func Text(w io.Writer, r verdict.Result, o TextOptions) error {
	if o.Width == 0 {
		o.Width = defaultWidth
	}
	o.Width = max(o.Width, 40)
	o.Report = cmp.Or(o.Report, "report.json")
	t := &text{Writer: bufio.NewWriterSize(w, 1<<16), options: o}
	found := split(r.Findings)
	t.problems("", found.problems)
	t.problems("secrets in the image", found.secrets)
	t.vulnerable(found.vulnerable)
	t.unread(r.Unread)
	t.suppressed(found)
	t.evidence(r.Evidence)
	t.facts(r)
	t.stages(r.Stages)
	t.verdict(r)
	return t.Flush()
}

// text writes sections with one empty line between them.
type text struct {
	*bufio.Writer // keeps the first error and gives it back on Flush
	options       TextOptions
	begun         bool
}

// The colours of ANSI terminals (ECMA-48, SGR).
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func (t *text) paint(s string, codes ...string) string {
	if !t.options.Color || s == "" {
		return s
	}
	return "\x1b[" + strings.Join(codes, ";") + "m" + s + "\x1b[0m"
}

func (t *text) severity(s finding.Severity) string { return t.paint(s.String(), severityColor(s)...) }

func severityColor(s finding.Severity) []string {
	switch s {
	case finding.Critical:
		return []string{bold, red}
	case finding.High:
		return []string{red}
	case finding.Medium:
		return []string{yellow}
	case finding.Low:
		return []string{cyan}
	default:
		return []string{dim}
	}
}

// section begins a part; an empty title gives only the distance.
func (t *text) section(title string) {
	if t.begun {
		t.line("")
	}
	t.begun = true
	if title != "" {
		t.line(t.paint(title, bold))
	}
}

// line writes text that is printable already.
func (t *text) line(parts ...string) {
	for _, p := range parts {
		_, _ = t.WriteString(p) // bufio keeps the error for Flush
	}
	_ = t.WriteByte('\n')
}

func (t *text) more(n int, what string) {
	if n > 0 {
		t.line(t.paint(fmt.Sprintf("  %d more %s in %s", n, what, printable.Text(t.options.Report)), dim))
	}
}

// limit is how many of n to show.
func (t *text) limit(n, most int) int {
	if t.options.Verbose {
		return n
	}
	return min(n, most)
}

// problems shows the most severe ones, ordered by place as they are mended.
func (t *text) problems(title string, all []finding.Finding) {
	if len(all) == 0 {
		return
	}
	if title != "" {
		t.section(title + ": " + severities(all))
	}
	shown := slices.Clone(all[:t.limit(len(all), maxProblems)])
	slices.SortStableFunc(shown, func(a, b finding.Finding) int {
		return cmp.Or(
			cmp.Compare(a.Location.Path, b.Location.Path),
			cmp.Compare(a.Location.Line, b.Location.Line),
			cmp.Compare(a.Location.Column, b.Location.Column),
		)
	})
	for i, f := range shown {
		if i > 0 || title == "" {
			t.section("")
		}
		t.problem(f)
	}
	t.more(len(all)-len(shown), "findings")
}

func (t *text) problem(f finding.Finding) {
	id := f.Rule.ID
	if f.Status != finding.NotCompared {
		id += ", " + f.Status.String()
	}
	t.line(t.paint(printable.Text(place(f.Location)), bold), ": ", t.severity(f.Severity), ": ",
		printable.Text(f.Message), t.paint(" ["+printable.Text(id)+"]", dim))
	if f.SourceLine != "" {
		number := strconv.Itoa(f.Location.Line)
		gutter := strings.Repeat(" ", max(5-len(number), 1)) + number
		source, marks := excerpt(f.SourceLine, f.Location, t.options.Width-len(gutter)-len(" | "))
		t.line(t.paint(gutter+" | ", dim), source)
		if marks != "" {
			t.line(t.paint(strings.Repeat(" ", len(gutter))+" | ", dim), t.paint(marks, severityColor(f.Severity)...))
		}
	}
	for _, l := range f.Related {
		t.line("      see ", printable.Text(place(l)), note(l.Note))
	}
	if f.Fix != nil && f.Fix.Message != "" {
		t.line("      fix: ", printable.Text(f.Fix.Message))
	}
}

func note(s string) string {
	if s == "" {
		return ""
	}
	return ": " + printable.Text(s)
}

func (t *text) unread(all []finding.Unread) {
	if len(all) == 0 {
		return
	}
	t.section("could not be read: " + strconv.Itoa(len(all)))
	n := t.limit(len(all), maxUnread)
	for _, u := range all[:n] {
		where := printable.Text(place(u.Location))
		if where != "" {
			where += ": "
		}
		t.line("  ", where, t.paint(printable.Text(string(u.Kind)), yellow), ": ", said(u.Cause))
	}
	t.more(len(all)-n, "that could not be read")
}

func (t *text) suppressed(found sorted) {
	if found.fixed > 0 {
		t.section("")
		t.line("fixed since what was compared with: ", printable.Count(found.fixed, "finding"))
	}
	if len(found.suppressed) == 0 {
		return
	}
	t.section("")
	t.line("suppressed: ", printable.Count(len(found.suppressed), "finding"), " (", severities(found.suppressed), ")")
	if !t.options.Verbose {
		return
	}
	for _, f := range found.suppressed {
		s := f.Suppressed
		until := ""
		if s.Expires != "" {
			until = " until " + printable.Text(s.Expires)
		}
		t.line("  ", printable.Text(place(f.Location)), ": ", t.severity(f.Severity), ": ", printable.Text(f.Message),
			" [", printable.Text(f.Rule.ID), "]")
		t.line("      excused", until, " at ", cmp.Or(printable.Text(place(s.Location)), "an unknown place"), ": ", printable.Text(s.Reason))
	}
}

func (t *text) evidence(all []verdict.Evidence) {
	if len(all) == 0 {
		return
	}
	t.section("evidence")
	n := t.limit(len(all), maxEvidence)
	for _, e := range all[:n] {
		word, about := evidence(e)
		color := green
		if !e.Verified {
			color = red
		}
		t.line("  ", t.paint(word, color), " ", said(about))
	}
	t.more(len(all)-n, "pieces of evidence")
}

func (t *text) facts(r verdict.Result) {
	lines := facts(r)
	for _, n := range r.Notes {
		lines = append(lines, "note: "+n)
	}
	if len(lines) > 0 {
		t.section("")
	}
	for _, l := range lines {
		t.line(said(l))
	}
}

func (t *text) stages(all []verdict.Stage) {
	if len(all) == 0 {
		return
	}
	t.section("stages")
	width := 0
	for _, s := range all {
		width = max(width, printable.Width(printable.Text(s.Name)))
	}
	for _, s := range all {
		word, color := stageWord(s)
		took := ""
		if s.Status != verdict.StageSkipped {
			took = printable.Duration(s.Duration)
		}
		line := "  " + printable.Pad(printable.Text(s.Name), width) + "  " + t.paint(printable.Pad(word, 7), color) + "  " + printable.Pad(took, 7)
		if s.Detail != "" {
			line += "  " + said(s.Detail)
		}
		t.line(strings.TrimRight(line, " "))
		for _, l := range printable.Lines(s.Error) {
			t.line("    ", l)
		}
		for _, l := range s.Log {
			t.line("    | ", printable.Text(l))
		}
	}
}

func stageWord(s verdict.Stage) (word, color string) {
	switch s.Status {
	case verdict.StageRan:
		return "ok", green
	case verdict.StageSkipped:
		return "skipped", dim
	case verdict.StageFailed:
		return "failed", red
	default:
		return printable.Text(s.Status), dim
	}
}

// verdict writes the last lines of every run.
func (t *text) verdict(r verdict.Result) {
	t.section("")
	color := red
	switch {
	case r.Acted != nil && !r.Acted.Done:
	case r.Verdict.Decision == verdict.Pass:
		color = green
	case r.Verdict.Decision == verdict.Indeterminate:
		color = yellow
	}
	word := r.Verdict.Decision.String()
	t.line(t.paint(word, bold, color), printable.Text(strings.TrimPrefix(headline(r), word)))
	causes := Causes(r)
	for _, c := range causes {
		where := printable.Text(place(c.Location))
		if where != "" {
			where += ": "
		}
		t.line("  ", t.paint(where, bold), said(c.sentence()))
	}
	if left := len(merge(r.Verdict.Reasons)) - len(causes); left > 0 && r.Verdict.Decision != verdict.Pass {
		t.line("  ", t.paint("and "+printable.Count(left, "more cause")+" in "+printable.Text(t.options.Report), dim))
	}
	if r.Reproduce != "" {
		t.line("reproduce: ", said(r.Reproduce))
	}
}
