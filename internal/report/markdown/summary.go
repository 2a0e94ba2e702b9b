package markdown

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
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
	found := report.Split(r)
	m.head(r)
	m.section(stagesTable(r.Stages))
	m.section(findingsTable("Findings", found.Problems.Front))
	m.section(findingsTable("Secrets in the image", found.Secrets.Front))
	m.section(vulnerableTable(found.Vulnerable.Front))
	m.section(unreadTable(r.Unread))
	m.section(evidenceTable(r.Evidence))
	m.section(suppressedTable(found.Suppressed))
	m.foot(r, found)
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

// block writes text and an empty line, when both fit.
func (m *summary) block(text string) bool {
	if len(text)+2 > m.left {
		return false
	}
	m.out.WriteString(text)
	m.out.WriteString("\n\n")
	m.left -= len(text) + 2
	return true
}

// table is a section that can be cut between its rows.
type table struct {
	title  string // of the section, safe already; empty gives no heading
	noun   string // of a row
	open   bool   // shown without a click
	header []string
	rows   [][]string
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
	b.WriteString("| " + strings.Join(t.header, " | ") + " |\n|" + strings.Repeat("---|", len(t.header)) + "\n")
	written := 0
	for _, row := range t.rows {
		line := "| " + strings.Join(row, " | ") + " |\n"
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

func (m *summary) head(r verdict.Result) {
	causes, _ := report.Causes(r)
	title := "### " + mark(r) + " " + escape(report.Headline(r))
	if len(causes) > 0 {
		title = "### " + mark(r) + " " + escape(r.Verdict.Decision.String()) + ": " + escape(causes[0].Message)
		if p := report.Line(causes[0].Location); p != "" {
			title += " " + code(p)
		}
		title += "\n\n" + escape(report.Headline(r))
	}
	m.block(title)
	if len(causes) > 0 {
		var b strings.Builder
		b.WriteString("**Mend these first**\n")
		for i, c := range causes {
			b.WriteString("\n" + strconv.Itoa(i+1) + ". ")
			if p := report.Place(c.Location); p != "" {
				b.WriteString(code(p) + " ")
			}
			b.WriteString(escape(c.Sentence()))
		}
		m.block(b.String())
	}
	if r.Reproduce != "" && !m.block("To reproduce it locally:\n\n"+pre(r.Reproduce)) {
		m.cuts = append(m.cuts, "the command that reproduces it")
	}
}

// mark is a picture beside the word, for who skims; the word stands for who
// cannot see it.
func mark(r verdict.Result) string {
	switch {
	case r.Acted != nil && !r.Acted.Done && r.Verdict.Decision == verdict.Pass:
		return "⚠️"
	case r.Verdict.Decision == verdict.Pass:
		return "✅"
	case r.Verdict.Decision == verdict.Indeterminate:
		return "⚠️"
	default:
		return "❌"
	}
}

func stagesTable(all []verdict.Stage) table {
	t := table{noun: "stage", header: []string{"Stage", "Result", "Time", "What"}}
	for _, s := range all {
		took, result, what := "", "✅ ok", s.Detail
		switch s.Status {
		case verdict.StageSkipped:
			result = "skipped"
		case verdict.StageFailed:
			result, what = "❌ failed", s.Error
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

func findingsTable(title string, all []finding.Finding) table {
	t := table{
		title: fmt.Sprintf("%s: %d (%s)", title, len(all), report.Severities(all)), noun: "finding", open: true,
		header: []string{"Severity", "Where", "Rule", "What"},
	}
	for _, f := range all {
		rule := code(f.Rule.ID)
		if f.Status != finding.NotCompared {
			rule += " " + escape(f.Status.String())
		}
		t.rows = append(t.rows, []string{f.Severity.String(), code(report.Place(f.Location)), rule, escape(f.Message)})
	}
	return t
}

// maxIDs is how many advisories one cell names before it counts the rest.
const maxIDs = 20

func vulnerableTable(all []finding.Finding) table {
	places := report.Places(all)
	count, _ := report.Counted(places)
	t := table{title: "Vulnerabilities: " + count, noun: "vulnerability row", header: []string{"Package", "Installed", "Fixed in", "Advisories", "Where"}}
	for _, at := range places {
		where := code(report.Line(at.Location))
		if at.FromBase {
			where += " base image"
		}
		for _, p := range at.Packages {
			for _, x := range p.Fixes {
				ids := make([]string, 0, maxIDs+1)
				for i, v := range x.Advisories {
					if i == maxIDs {
						ids = append(ids, strconv.Itoa(len(x.Advisories)-maxIDs)+" more")
						break
					}
					id := advisory(v.ID)
					if v.KnownExploited {
						id += " (exploited)"
					}
					ids = append(ids, id)
				}
				fixed := "no fix"
				if x.FixedIn != "" {
					fixed = code(x.FixedIn)
				}
				t.rows = append(t.rows, []string{code(p.Name), code(p.Installed), fixed, x.Severity.String() + " " + strings.Join(ids, ", "), where})
			}
		}
	}
	return t
}

func unreadTable(all []finding.Unread) table {
	t := table{
		title: "Could not be read: " + strconv.Itoa(len(all)), noun: "unread record", open: true,
		header: []string{"Kind", "Where", "Why"},
	}
	for _, u := range all {
		t.rows = append(t.rows, []string{escape(string(u.Kind)), code(report.Place(u.Location)), escape(u.Cause)})
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
func (m *summary) foot(r verdict.Result, found report.Found) {
	lines := report.Facts(r)
	if fixed := found.Fixed(); len(fixed) > 0 {
		lines = append(lines, "fixed since what was compared with: "+printable.Count(len(fixed), "finding"))
	}
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
	m.block("<sub>plimsoll " + escape(r.Version) + " · " + escape(r.Command) + " · " + escape(printable.Duration(r.Duration)) + "</sub>")
}
