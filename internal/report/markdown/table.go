package markdown

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/report"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// table is a section that can be cut between its rows.
type table struct {
	title  string // of the section, safe already; empty gives no heading
	noun   string // of a row
	open   bool   // shown without a click
	header []string
	align  string // one of "-" and ">" (numbers) per column; empty is all "-"
	rows   [][]string
}

// head is the lines of a table before its first row.
func (t *table) head() string {
	var b strings.Builder
	b.WriteString("| " + strings.Join(t.header, " | ") + " |\n|")
	for i := range t.header {
		if i < len(t.align) && t.align[i] == '>' {
			b.WriteString("---:|")
			continue
		}
		b.WriteString("---|")
	}
	return b.String() + "\n"
}

// row is one line of a table, its cells safe already.
func row(cells []string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

// style is how rows are written: where links lead and how long a cell may be.
type style struct {
	links
	cell int // code points of one foreign text
	ids  int // advisories that one cell names before it counts the rest
	// compared says that findings without a status stand out.
	compared bool
	unread   []finding.Unread
}

func newStyle(r verdict.Result, cell, ids int) style {
	return style{links: newLinks(r.Run), cell: cell, ids: ids, compared: r.Compared != nil, unread: r.Unread}
}

func (s style) text(t string) string { return escapeTo(t, s.cell) }
func (s style) code(t string) string { return codeTo(t, s.cell) }

// at is the place of a finding.
func (s style) at(l finding.Location) string { return s.place(l, s.cell) }

// usual is the status that need not be said in a table.
func (s style) usual(back bool) finding.Status {
	switch {
	case back:
		return finding.Existing
	case s.compared:
		return finding.Introduced
	default:
		return finding.NotCompared
	}
}

func (s style) findings(title string, all []finding.Finding, back bool) table {
	t := table{
		title: fmt.Sprintf("%s: %d (%s)", title, len(all), report.Severities(all)), noun: "finding", open: !back,
		header: []string{"Severity", "Where", "Rule", "What"},
	}
	for i := range all {
		f := &all[i]
		rule := s.code(f.Rule.ID)
		if f.Status != s.usual(back) {
			rule += " " + f.Status.String()
		}
		t.rows = append(t.rows, []string{f.Severity.String(), s.at(f.Location), rule, s.text(f.Message)})
	}
	return t
}

func (s style) vulnerable(title string, all []finding.Finding) table {
	places := report.Places(all)
	count, _ := report.Counted(places)
	t := table{title: title + ": " + count, noun: "vulnerability row", header: []string{"Package", "Installed", "Fixed in", "Advisories", "Brought by"}}
	for _, at := range places {
		where := s.at(at.Location)
		if at.FromBase {
			where += " base image"
		}
		for _, p := range at.Packages {
			for _, x := range p.Fixes {
				fixed := "no fix"
				if x.FixedIn != "" {
					fixed = s.code(x.FixedIn)
				}
				t.rows = append(t.rows, []string{s.code(p.Name), s.code(p.Installed), fixed, x.Severity.String() + " " + s.advisories(x.Advisories), where})
			}
		}
	}
	return t
}

func (s style) advisories(all []*finding.Vulnerability) string {
	names := make([]string, 0, min(len(all), s.ids+1))
	for i, v := range all {
		if i == s.ids {
			names = append(names, strconv.Itoa(len(all)-s.ids)+" more")
			break
		}
		name := advisory(v.ID)
		if v.KnownExploited {
			name += " (exploited)"
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// unreadAt links sources only: every other path lies in the image.
func (s style) unreadAt(u finding.Unread) string {
	if u.Kind == finding.UnreadSource {
		return s.at(u.Location)
	}
	return s.code(report.Place(u.Location))
}

// front names what stands first: what the change introduced, where that is known of
// all of it.
func front(groups ...report.Group) string {
	for _, g := range groups {
		if slices.ContainsFunc(g.Front, func(f finding.Finding) bool { return f.Status != finding.Introduced }) {
			return "Findings"
		}
	}
	return "Introduced"
}

func vulnerableTitle(g report.Group) string {
	if front(g) == "Introduced" {
		return "Introduced vulnerabilities"
	}
	return "Vulnerabilities"
}

// base is the name of what was compared with, for a heading.
func base(r verdict.Result) string {
	if r.Compared == nil || r.Compared.Branch == "" {
		return "Already there"
	}
	return "Already on " + codeTo(r.Compared.Branch, 60)
}

// mark is a picture beside the word, for who skims; the word stands for who
// cannot see it.
func mark(r verdict.Result) string {
	switch {
	case unacted(r):
		return "⚠️"
	case r.Verdict.Decision == verdict.Pass:
		return "✅"
	case r.Verdict.Decision == verdict.Indeterminate:
		return "⚠️"
	default:
		return "❌"
	}
}

// unacted says that the verdict is pass and an act after it failed.
func unacted(r verdict.Result) bool {
	return r.Acted != nil && !r.Acted.Done && r.Verdict.Decision == verdict.Pass
}

// causes are the first things to mend, as an ordered list.
func (s style) causes(all []report.Cause) string {
	var b strings.Builder
	b.WriteString("**Mend these first**\n")
	for i, c := range all {
		b.WriteString("\n" + strconv.Itoa(i+1) + ". ")
		if p := s.causeAt(c); p != "" {
			b.WriteString(p + " ")
		}
		b.WriteString(s.text(c.Sentence()))
	}
	return b.String()
}

// causeAt links a cause's place, where it is a line of a source.
func (s style) causeAt(c report.Cause) string {
	inSource := func(u finding.Unread) bool { return u.Kind == finding.UnreadSource && u.Location == c.Location }
	if c.Code == "unread" && !slices.ContainsFunc(s.unread, inSource) {
		return s.code(report.Place(c.Location))
	}
	return s.at(c.Location)
}

// policyText says what fails, in words.
func policyText(p verdict.Policy) string {
	threshold := func(s finding.Severity) string {
		switch s {
		case finding.Unknown:
			return "any severity"
		case finding.Critical:
			return "critical severity"
		default:
			return s.String() + " severity and above"
		}
	}
	vulnerabilities, introduced := "vulnerabilities", ""
	if p.OnlyIntroduced {
		introduced = "introduced "
	}
	if p.IgnoreUnfixed {
		vulnerabilities = "fixable vulnerabilities"
	}
	text := fmt.Sprintf("fails on %s%s of %s, lint findings of %s, and secrets in the image",
		introduced, vulnerabilities, threshold(p.FailOn), threshold(p.LintFailOn))
	if p.Profile != "" {
		text += " (profile " + p.Profile + ")"
	}
	return text
}
