package text

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
	"github.com/plimsoll-ci/plimsoll/internal/report"
)

// maxNameWidth and maxVersionWidth keep one odd name from pushing the table out
// of the window.
const (
	maxNameWidth    = 40
	maxVersionWidth = 32
)

// vulnerable writes those of one status, a table per place: package, installed, fixed in, severity and
// the advisories, wrapped, so that seventy of one package are a few lines.
func (t *writer) vulnerable(of finding.Status, all []finding.Finding) {
	if len(all) == 0 {
		return
	}
	places := report.Places(all)
	count, packages := report.Counted(places)
	title := "vulnerabilities"
	if of != finding.NotCompared {
		title = of.String() + " vulnerabilities"
	}
	t.section(title + ": " + count)
	left := t.limit(packages, maxPackages)
	for _, at := range places {
		if left == 0 {
			break
		}
		origin := ""
		if at.FromBase {
			origin = ": the base image brought these"
		} else if at.Location.Note != "" {
			origin = ": " + at.Location.Note
		}
		t.line("  ", t.paint(printable.Text(report.Line(at.Location)), bold), printable.Text(origin))
		shown := at.Packages[:min(left, len(at.Packages))]
		left -= len(shown)
		t.packages(shown)
	}
	t.more(packages-t.limit(packages, maxPackages), "vulnerable packages")
}

func (t *writer) packages(packages []*report.VulnerablePackage) {
	name, installed, fixed := 0, 0, len("no fix")
	for _, p := range packages {
		name = max(name, printable.Width(printable.Text(p.Name)))
		installed = max(installed, printable.Width(printable.Text(p.Installed)))
		for _, x := range p.Fixes {
			fixed = max(fixed, printable.Width(fixText(x)))
		}
	}
	name, installed, fixed = min(name, maxNameWidth), min(installed, maxVersionWidth), min(fixed, maxVersionWidth)
	for _, p := range packages {
		// A name or version that does not fit its column moves the rest of its line;
		// cutting it would hide what to mend.
		head := printable.Pad(printable.Text(p.Name), name) + "  " + printable.Pad(printable.Text(p.Installed), installed)
		for _, x := range p.Fixes {
			lead := "    " + head + "  " + printable.Pad(fixText(x), fixed) + "  "
			indent := 4 + name + 2 + installed + 2 + fixed + 2 + len("critical") + 2
			word := t.paint(x.Severity.String(), severityColor(x.Severity)...) + strings.Repeat(" ", len("critical")-len(x.Severity.String())+2)
			for i, ids := range wrap(advisoryNames(x), t.options.Width-indent) {
				if i > 0 {
					lead, word = strings.Repeat(" ", indent), ""
				}
				t.line(lead, word, ids)
			}
			head = strings.Repeat(" ", name+2+installed)
		}
		if len(p.Files) > 0 {
			also := ""
			if n := len(p.Files) - 1; n > 0 {
				also = fmt.Sprintf(" and %d more", n)
			}
			t.line("      ", t.paint("in "+printable.Text(p.Files[0])+also, dim))
		}
	}
}

func fixText(x *report.VulnerableFix) string {
	if x.FixedIn == "" {
		return "no fix"
	}
	return "→ " + printable.Text(x.FixedIn)
}

func advisoryNames(x *report.VulnerableFix) []string {
	names := make([]string, len(x.Advisories))
	for i, v := range x.Advisories {
		names[i] = printable.Text(v.ID)
		if v.KnownExploited {
			names[i] += " (exploited)"
		}
	}
	return names
}

// wrap joins words by ", " into lines of at most width cells, one word at least.
func wrap(words []string, width int) []string {
	var lines []string
	used := 0
	for i, w := range words {
		if i < len(words)-1 {
			w += ","
		}
		n := printable.Width(w)
		if len(lines) == 0 || used+1+n > width {
			lines = append(lines, w)
			used = n
			continue
		}
		lines[len(lines)-1] += " " + w
		used += 1 + n
	}
	return lines
}
