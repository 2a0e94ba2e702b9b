package markdown

import (
	"bufio"
	"bytes"
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

// DefaultBudget is how many bytes of a job's summary are used. GitHub drops a
// summary over 1 MiB, and masking secrets can lengthen it afterwards.
const DefaultBudget = 900 << 10

// minBudget always holds the headline, the causes and the note on what was cut,
// each at its longest: an escaped code point takes up to twelve bytes.
const minBudget = 48 << 10

// SummaryOptions say how large the Markdown may be.
type SummaryOptions struct {
	// Budget is the most bytes to write; 0 is DefaultBudget, less than 48 KiB is 48 KiB.
	Budget int
	// Report names the saved report.json, where what is cut can be found; empty is
	// "report.json".
	Report string
}

// Summary writes the summary of a run for GitHub: the verdict and its first
// cause on the first line, then what to mend, the stages, and everything found.
// What does not fit into the budget is left out by whole rows and sections, the
// least important first, and named at the end. It returns the first error of w.
func Summary(w io.Writer, r verdict.Result, o SummaryOptions) error {
	m := &summary{left: max(cmp.Or(o.Budget, DefaultBudget), minBudget) - reserved, report: cmp.Or(o.Report, "report.json")}
	c := newComment(r, CommentOptions{}, newStyle(r, maxCell, 20))
	m.head(c)
	stages := c.stagesTable()
	if !c.worth() {
		stages.title = "Stages: " + strconv.Itoa(len(stages.rows))
	}
	m.section(stages)
	m.section(c.countsTable())
	if !m.block(c.labels()) {
		m.cuts = append(m.cuts, "what it was compared with, and what was refused")
	}
	problems, secrets, vulnerable := c.found.Problems, c.found.Secrets, c.found.Vulnerable
	m.section(c.findings(front(problems), problems.Front, false))
	m.section(c.findings("Secrets in the image", secrets.Front, false))
	m.section(c.vulnerable(vulnerableTitle(vulnerable), vulnerable.Front))
	m.section(c.unreadTable())
	m.section(evidenceTable(r.Evidence))
	m.section(c.fixed(c.found.Gone()))
	m.section(c.findings(base(r)+", not blocking", slices.Concat(secrets.Back, problems.Back), true))
	m.section(c.vulnerable(base(r)+", not blocking, vulnerabilities", vulnerable.Back))
	m.section(suppressedTable(c.found.Suppressed))
	m.foot(c)
	out := bufio.NewWriter(w)
	_, _ = m.out.WriteTo(out) // bufio keeps the error for Flush
	return out.Flush()
}

// reserved bytes are kept for the note on what was cut and the foot's last line.
const reserved = 12 << 10

// summary gathers blocks until the budget is used up.
type summary struct {
	out    bytes.Buffer
	left   int
	report string
	cuts   []string
}

// block writes text and an empty line, when both fit. Nothing needs no room.
func (m *summary) block(text string) bool {
	if text == "" {
		return true
	}
	if len(text)+2 > m.left {
		return false
	}
	m.out.WriteString(text)
	m.out.WriteString("\n\n")
	m.left -= len(text) + 2
	return true
}

// section writes as many rows as fit, and notes what did not.
func (m *summary) section(t table) {
	if len(t.rows) == 0 {
		return
	}
	begin, end := "", ""
	switch {
	case t.title == "":
	case t.open:
		begin = "#### " + t.title + "\n\n"
	default:
		begin, end = "<details><summary>"+t.title+"</summary>\n\n", "\n</details>\n"
	}
	var b strings.Builder
	b.WriteString(begin)
	b.WriteString(t.head())
	written := 0
	for _, cells := range t.rows {
		line := row(cells)
		if b.Len()+len(line)+len(end)+2 > m.left {
			break
		}
		b.WriteString(line)
		written++
	}
	if written < len(t.rows) {
		m.cuts = append(m.cuts, printable.Count(len(t.rows)-written, t.noun))
	}
	if written > 0 {
		m.block(strings.TrimRight(b.String()+end, "\n"))
	}
}

func (m *summary) head(c *comment) {
	causes, more := report.Causes(c.Result)
	m.block(c.title(causes, more, maxCell))
	m.block(escape(report.Headline(c.Result)))
	m.block(c.judged())
	if len(causes) > 0 {
		m.block(c.causes(causes))
	}
	if n := c.found.Mendable; n > 0 {
		m.block(count(n, "finding") + " can be mended with `plimsoll lint --fix`.")
	}
	if c.Reproduce != "" && !m.block("To reproduce it locally:\n\n"+pre(c.Reproduce)) {
		m.cuts = append(m.cuts, "the command that reproduces it")
	}
}

func (c *comment) stagesTable() table {
	t := table{noun: "stage", header: []string{"Stage", "Result", "Time", "What"}}
	for _, s := range c.Stages {
		took, result, what := "", "✅ ok", s.Detail
		switch s.Status {
		case verdict.StageSkipped:
			result = "skipped"
		case verdict.StageFailed:
			result, what = c.failedMark(s), s.Error
		case verdict.StageRan:
		default:
			result = escape(s.Status)
		}
		if s.Status != verdict.StageSkipped {
			took = printable.Duration(s.Duration)
		}
		t.rows = append(t.rows, []string{escape(s.Name), result, escape(took), escape(what)})
	}
	return t
}

// countsTable says what the change brought, by kind, when something was compared.
func (c *comment) countsTable() table {
	if !c.measured() {
		return table{}
	}
	t := table{noun: "count", header: []string{"Found", "Introduced", "Fixed", base(c.Result)}, align: "->>>"}
	for _, stage := range []string{"lint", "inspect", "match"} {
		g, name := c.groupOf(stage)
		t.rows = append(t.rows, []string{name, introduced(g), strconv.Itoa(g.Fixed), strconv.Itoa(g.Existing)})
	}
	return t
}

func (c *comment) unreadTable() table {
	t := table{
		title: "Could not be read: " + strconv.Itoa(len(c.Unread)), noun: "unread record", open: true,
		header: []string{"Kind", "Where", "Why"},
	}
	for _, u := range c.Unread {
		t.rows = append(t.rows, []string{escape(string(u.Kind)), c.unreadAt(u), escape(u.Cause)})
	}
	return t
}

func evidenceTable(all []verdict.Evidence) table {
	t := table{title: "Evidence: " + strconv.Itoa(len(all)), noun: "evidence record", header: []string{"Result", "What"}}
	for _, e := range all {
		word, about := report.DescribeEvidence(e)
		t.rows = append(t.rows, []string{word, escape(about)})
	}
	return t
}

func suppressedTable(all []finding.Finding) table {
	t := table{
		title: fmt.Sprintf("Suppressed: %d (%s)", len(all), report.Severities(all)), noun: "suppressed finding",
		header: []string{"Severity", "Where", "Rule", "Reason", "Until", "Excused at"},
	}
	for _, f := range all {
		t.rows = append(t.rows, []string{
			f.Severity.String(), code(report.Place(f.Location)), code(f.Rule.ID),
			escape(f.Suppressed.Reason), escape(f.Suppressed.Expires), code(report.Place(f.Suppressed.Location)),
		})
	}
	return t
}

// foot says what was looked at and what was cut.
func (m *summary) foot(c *comment) {
	lines := append(report.Facts(c.Result), "policy: it "+policyText(c.Policy))
	var b strings.Builder
	cutLines := 0
	for _, l := range lines {
		item := "- " + escape(l) + "\n"
		if b.Len()+len(item)+2 > m.left {
			cutLines++
			continue
		}
		b.WriteString(item)
	}
	if b.Len() > 0 {
		m.block(strings.TrimRight(b.String(), "\n"))
	}
	if cutLines > 0 {
		m.cuts = append(m.cuts, printable.Count(cutLines, "note"))
	}
	m.left += reserved
	if len(m.cuts) > 0 {
		m.block("**Cut to fit:** " + strings.Join(m.cuts, ", ") + "; all in " + code(m.report))
	}
	m.block("<sub>plimsoll " + escape(c.Version) + " · " + escape(c.Command) + " · " + escape(printable.Duration(c.Duration)) + "</sub>")
}
