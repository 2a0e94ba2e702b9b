// Package text renders a Result for people at a terminal or reading a log.
//
// Its rules: results only, no chatter; what must be mended comes with its place
// first, as compilers print it; the last lines are the verdict, its causes and the
// command that reproduces it, because the end of a log is what people see. What it
// leaves out it counts, and names where it is.
package text

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
	"github.com/plimsoll-ci/plimsoll/internal/report"
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

// Options say how the text looks.
type Options struct {
	Color bool
	// Width of the reader's window in columns; 0 is 100, less than 40 is 40.
	Width int
	// Verbose shows everything: no limits, suppressed findings with their reasons.
	Verbose bool
	// Report names the saved report.json, where what is left out can be found;
	// empty is "report.json".
	Report string
}

// Write writes the report for people. The last lines are the verdict, up to three
// causes and the command that reproduces it. It returns the first error of w.
func Write(w io.Writer, r verdict.Result, o Options) error {
	if o.Width == 0 {
		o.Width = defaultWidth
	}
	o.Width = max(o.Width, 40)
	o.Report = cmp.Or(o.Report, "report.json")
	t := &writer{Writer: bufio.NewWriterSize(w, 1<<16), options: o}
	found := report.Split(r)
	if o.Verbose || !r.Policy.OnlyIntroduced {
		for _, g := range []*report.Group{&found.Problems, &found.Secrets, &found.Vulnerable} {
			g.Front = slices.Concat(g.Front, g.Back)
			g.Back = nil
			finding.Sort(g.Front)
		}
	}
	t.problems("", found.Problems.Front)
	t.mendable(found.Mendable)
	t.problems("secrets in the image", found.Secrets.Front)
	for _, of := range []finding.Status{finding.Introduced, finding.NotCompared, finding.Disclosed, finding.Existing} {
		t.vulnerable(of, withStatus(found.Vulnerable.Front, of))
	}
	t.unread(r.Unread)
	t.counted(&found)
	t.suppressed(found.Suppressed)
	t.evidence(r.Evidence)
	t.facts(r)
	t.stages(r.Stages)
	t.verdict(r)
	return t.Flush()
}

func withStatus(all []finding.Finding, of finding.Status) []finding.Finding {
	return slices.DeleteFunc(slices.Clone(all), func(f finding.Finding) bool { return f.Status != of })
}

// writer writes sections with one empty line between them.
type writer struct {
	*bufio.Writer // keeps the first error and gives it back on Flush
	options       Options
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

func (t *writer) paint(s string, codes ...string) string {
	if !t.options.Color || s == "" {
		return s
	}
	return "\x1b[" + strings.Join(codes, ";") + "m" + s + "\x1b[0m"
}

func (t *writer) severity(s finding.Severity) string { return t.paint(s.String(), severityColor(s)...) }

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
func (t *writer) section(title string) {
	if t.begun {
		t.line("")
	}
	t.begun = true
	if title != "" {
		t.line(t.paint(title, bold))
	}
}

// line writes text that is printable already.
func (t *writer) line(parts ...string) {
	for _, p := range parts {
		_, _ = t.WriteString(p) // bufio keeps the error for Flush
	}
	_ = t.WriteByte('\n')
}

func (t *writer) more(n int, what string) {
	if n > 0 {
		t.line(t.paint(fmt.Sprintf("  %d more %s in %s", n, what, printable.Text(t.options.Report)), dim))
	}
}

// limit is how many of n to show.
func (t *writer) limit(n, most int) int {
	if t.options.Verbose {
		return n
	}
	return min(n, most)
}

// problems shows the most severe ones, ordered by place as they are mended.
func (t *writer) problems(title string, all []finding.Finding) {
	if len(all) == 0 {
		return
	}
	if title != "" {
		t.section(title + ": " + report.Severities(all))
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

func (t *writer) problem(f finding.Finding) {
	id := f.Rule.ID
	if f.Status != finding.NotCompared {
		id += ", " + f.Status.String()
	}
	t.line(t.paint(printable.Text(report.Place(f.Location)), bold), ": ", t.severity(f.Severity), ": ",
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
		t.line("      see ", printable.Text(report.Place(l)), note(l.Note))
	}
	if f.Fix != nil && f.Fix.Message != "" {
		t.line("      fix", by(f.Fix), ": ", printable.Text(f.Fix.Message))
	}
}

// by says of a fix that it need not be made by hand.
func by(x *finding.Fix) string {
	if x.Class == finding.Safe && len(x.Edits) > 0 {
		return " (--fix)"
	}
	return ""
}

func (t *writer) mendable(n int) {
	if n > 0 {
		t.section("")
		t.line(printable.Count(n, "finding"), " can be mended with plimsoll lint --fix")
	}
}

func note(s string) string {
	if s == "" {
		return ""
	}
	return ": " + printable.Text(s)
}

func (t *writer) unread(all []finding.Unread) {
	if len(all) == 0 {
		return
	}
	t.section("could not be read: " + strconv.Itoa(len(all)))
	n := t.limit(len(all), maxUnread)
	for _, u := range all[:n] {
		where := printable.Text(report.Place(u.Location))
		if where != "" {
			where += ": "
		}
		t.line("  ", where, t.paint(printable.Text(string(u.Kind)), yellow), ": ", said(u.Cause))
	}
	t.more(len(all)-n, "that could not be read")
}

// counted tells what is not listed, because this change is not to blame for it.
func (t *writer) counted(found *report.Found) {
	back := slices.Concat(found.Problems.Back, found.Secrets.Back, found.Vulnerable.Back)
	fixed := found.Problems.Fixed + found.Secrets.Fixed + found.Vulnerable.Fixed
	if len(back)+fixed > 0 {
		t.section("")
	}
	if len(back) > 0 {
		t.line("existing, not blocking: ", printable.Count(report.Distinct(back), "finding"), " (", report.Severities(back), ") in ", printable.Text(t.options.Report))
	}
	if fixed > 0 {
		t.line("fixed since what was compared with: ", printable.Count(fixed, "finding"))
	}
}

func (t *writer) suppressed(all []finding.Finding) {
	if len(all) == 0 {
		return
	}
	t.section("")
	t.line("suppressed: ", printable.Count(len(all), "finding"), " (", report.Severities(all), ")")
	if !t.options.Verbose {
		return
	}
	for _, f := range all {
		s := f.Suppressed
		until := ""
		if s.Expires != "" {
			until = " until " + printable.Text(s.Expires)
		}
		t.line("  ", printable.Text(report.Place(f.Location)), ": ", t.severity(f.Severity), ": ", printable.Text(f.Message),
			" [", printable.Text(f.Rule.ID), "]")
		t.line("      excused", until, " at ", cmp.Or(printable.Text(report.Place(s.Location)), "an unknown place"), ": ", printable.Text(s.Reason))
	}
}

func (t *writer) evidence(all []verdict.Evidence) {
	if len(all) == 0 {
		return
	}
	t.section("evidence")
	n := t.limit(len(all), maxEvidence)
	for _, e := range all[:n] {
		word, about := report.DescribeEvidence(e)
		color := green
		if !e.Verified {
			color = red
		}
		t.line("  ", t.paint(word, color), " ", said(about))
	}
	t.more(len(all)-n, "pieces of evidence")
}

func (t *writer) facts(r verdict.Result) {
	lines := append(report.Facts(r), report.Circumstances(r)...)
	if len(lines) > 0 {
		t.section("")
	}
	for _, l := range lines {
		t.line(said(l))
	}
}

func (t *writer) stages(all []verdict.Stage) {
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
func (t *writer) verdict(r verdict.Result) {
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
	t.line(t.paint(word, bold, color), printable.Text(strings.TrimPrefix(report.Headline(r), word)))
	causes, more := report.Causes(r)
	for _, c := range causes {
		where := printable.Text(report.Place(c.Location))
		if where != "" {
			where += ": "
		}
		t.line("  ", t.paint(where, bold), said(c.Sentence()))
	}
	if more > 0 {
		t.line("  ", t.paint("and "+printable.Count(more, "more cause")+" in "+printable.Text(t.options.Report), dim))
	}
	if r.Reproduce != "" {
		t.line("reproduce: ", said(r.Reproduce))
	}
}

// said joins text that is printable line by line.
func said(s string) string { return strings.Join(printable.Lines(s), "; ") }
