package markdown

import (
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/report"
)

// closed is a table behind a click, cut to most rows; cut says whether it was.
func closed(t table, most int) (block string, cut bool) {
	if len(t.rows) == 0 || most == 0 {
		return "", len(t.rows) > 0
	}
	return details(t.title, some(t, most)), len(t.rows) > most
}

// some is the head of a table, at most so many rows, and a count of the others.
func some(t table, most int) string {
	var b strings.Builder
	b.WriteString(t.head())
	for _, cells := range t.rows[:min(len(t.rows), most)] {
		b.WriteString(row(cells))
	}
	if n := len(t.rows) - most; n > 0 {
		b.WriteString("\n…and " + count(n, "more row") + "\n")
	}
	return b.String()
}

// front is what the change brought, or all that counts when nothing was compared.
func (c *comment) front(most int) (blocks []string, cut bool) {
	problems, secrets, vulnerable := c.found.Problems, c.found.Secrets, c.found.Vulnerable
	var tables []table
	if all := slices.Concat(secrets.Front, problems.Front); len(all) > 0 {
		finding.Sort(all)
		tables = append(tables, c.findings(front(problems, secrets), all, false))
	}
	if len(vulnerable.Front) > 0 {
		tables = append(tables, c.vulnerable(vulnerableTitle(vulnerable), vulnerable.Front))
	}
	for _, t := range tables {
		block, shortened := closed(t, most)
		blocks, cut = append(blocks, block), cut || shortened
	}
	return blocks, cut
}

// back is what was there before, and what is gone.
func (c *comment) back(most int) (blocks []string, cut bool) {
	problems := slices.Concat(c.found.Secrets.Back, c.found.Problems.Back)
	vulnerable := c.found.Vulnerable.Back
	if len(problems)+len(vulnerable) > 0 {
		finding.Sort(problems)
		var body strings.Builder
		for _, t := range []table{c.findings("", problems, true), c.vulnerable("", vulnerable)} {
			if len(t.rows) > 0 {
				body.WriteString(some(t, most) + "\n")
				cut = cut || len(t.rows) > most
			}
		}
		all := slices.Concat(problems, vulnerable)
		title := base(c.Result) + ", not blocking: " + strconv.Itoa(report.Distinct(all)) + " (" + report.Severities(all) + ")"
		if disclosed := disclosed(all); disclosed > 0 {
			title += ", " + strconv.Itoa(disclosed) + " of them disclosed since"
		}
		blocks = append(blocks, details(title, body.String()))
	}
	if fixed := c.found.Gone(); len(fixed) > 0 {
		block, shortened := closed(c.fixed(fixed), most)
		blocks, cut = append(blocks, block), cut || shortened
	}
	return blocks, cut
}

func disclosed(all []finding.Finding) int {
	n := 0
	for _, f := range all {
		if f.Status == finding.Disclosed {
			n++
		}
	}
	return n
}

// fixed has no links: the lines are those of the base commit.
func (s style) fixed(all []finding.Finding) table {
	t := table{
		title: "Fixed: " + strconv.Itoa(report.Distinct(all)) + " (" + report.Severities(all) + ")", noun: "fixed finding",
		header: []string{"Severity", "Where it was", "Rule", "What it was"},
	}
	for _, f := range all {
		t.rows = append(t.rows, []string{f.Severity.String(), s.code(report.Line(f.Location)), s.code(f.Rule.ID), s.text(f.Message)})
	}
	return t
}

// maxReasons is how many reasons the last section names.
const maxReasons = 20

// why says how the verdict came to be and how to reach it again.
func (c *comment) why() string {
	var b strings.Builder
	b.WriteString(escape(report.Headline(c.Result)) + "\n\n")
	for i, reason := range c.Verdict.Reasons {
		if i == maxReasons {
			b.WriteString("- " + count(len(c.Verdict.Reasons)-i, "more reason") + "\n")
			break
		}
		cause := report.Cause{Reason: reason}
		where := c.causeAt(cause)
		if where != "" {
			where += " "
		}
		b.WriteString("- " + where + c.text(cause.Sentence()) + "\n")
	}
	for i, s := range c.Subjects {
		if i == maxSubjects {
			break
		}
		b.WriteString("- image: " + strings.TrimSpace(c.code(s.Reference)+" "+c.code(s.Digest)) + "\n")
	}
	if d := c.Database; d != nil {
		b.WriteString("- database: " + strings.TrimSpace(c.code(d.Source)+" "+c.code(d.Digest)) + "\n")
	}
	if n := len(c.found.Suppressed); n > 0 {
		b.WriteString("- suppressed: " + count(n, "finding") + " (" + report.Severities(c.found.Suppressed) + ")\n")
	}
	if n := c.found.Mendable; n > 0 {
		b.WriteString("- " + count(n, "finding") + " can be mended with `plimsoll lint --fix`\n")
	}
	for i, n := range c.Notes {
		if i == maxListed {
			break
		}
		b.WriteString("- note: " + c.text(n) + "\n")
	}
	if c.Reproduce != "" {
		b.WriteString("\nTo reproduce it locally:\n\n" + pre(cut(c.Reproduce, 1000)) + "\n")
	}
	return details("Why this verdict, and how to reproduce it", b.String())
}
