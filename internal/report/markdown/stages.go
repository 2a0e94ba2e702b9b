package markdown

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
	"github.com/plimsoll-ci/plimsoll/internal/report"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// maxStages is how many rows the table of stages has; no run of ours has more.
const maxStages = 16

// stageRow is a stage that ran or failed, with what it found. All of it is safe already.
type stageRow struct {
	name, mark, what string
	group            *report.Group // nil when the stage looks for nothing
}

// groupOf tells which findings a stage brought, and what people call it.
func (c *comment) groupOf(stage string) (*report.Group, string) {
	switch stage {
	case "lint":
		return &c.found.Problems, "lint"
	case "inspect":
		return &c.found.Secrets, "secrets in the image"
	case "match", "scan":
		return &c.found.Vulnerable, "vulnerabilities"
	default:
		return nil, escapeTo(stage, min(c.cell, 40))
	}
}

// stageRows are the stages that were not skipped; what was found without a stage
// that says so has a row of its own, so that the numbers are complete.
func (c *comment) stageRows() []stageRow {
	var rows []stageRow
	told := map[*report.Group]bool{}
	for _, s := range c.Stages {
		if s.Status == verdict.StageSkipped {
			continue
		}
		group, name := c.groupOf(s.Name)
		if told[group] {
			group = nil
		}
		told[group] = true
		r := stageRow{name: name, mark: "✅ ok", group: group}
		switch {
		case s.Status == verdict.StageFailed:
			r.mark, r.what = c.failedMark(s), c.text(s.Error)
		case group != nil:
			r.mark, r.what = groupMark(group), ""
		case s.Name == "build" && len(c.Subjects) == 1 && c.Subjects[0].Layers > 0:
			r.what = escape(printable.Size(c.Subjects[0].Size)) + ", " + printable.Count(c.Subjects[0].Layers, "layer")
		}
		rows = append(rows, r)
	}
	for _, stage := range []string{"lint", "inspect", "match"} {
		group, name := c.groupOf(stage)
		if !told[group] && len(group.Front)+len(group.Back)+len(group.Gone) > 0 {
			rows = append(rows, stageRow{name: name, mark: groupMark(group), group: group})
		}
	}
	return rows
}

// failedMark says whether the failure of a stage made the verdict fail or left an
// act undone; else nobody knows, or nothing depends on it.
func (c *comment) failedMark(s verdict.Stage) string {
	if unacted(c.Result) {
		return "❌ failed"
	}
	for _, reason := range c.Verdict.Reasons {
		if stage, failed := strings.CutSuffix(reason.Code, "-failed"); failed && stage == s.Name && reason.Decides == verdict.Fail {
			return "❌ failed"
		}
	}
	return "⚠️ failed"
}

func groupMark(g *report.Group) string {
	switch {
	case g.Blocking > 0:
		return "❌ " + strconv.Itoa(g.Blocking) + " blocking"
	case len(g.Front) > 0:
		return "✅ nothing blocking"
	default:
		return "✅ ok"
	}
}

// stageTable has a column for what the change brought when something was compared,
// and else one for all that was found.
func (c *comment) stageTable() string {
	rows := c.stageRows()
	if len(rows) == 0 {
		return ""
	}
	compared := c.measured()
	t := table{header: []string{"Stage", "Result", "Found"}, align: "-->"}
	if compared {
		t.header, t.align = []string{"Stage", "Result", "Introduced", "Fixed", base(c.Result)}, "-->>>"
	}
	var b strings.Builder
	b.WriteString(t.head())
	for _, r := range rows[:min(len(rows), maxStages)] {
		result := r.mark
		switch {
		case r.what != "":
			result += ": " + r.what
		case r.group != nil && len(r.group.Front) > 0:
			result += " (" + report.Severities(r.group.Front) + ")"
		}
		cells := []string{r.name, result}
		switch g := r.group; {
		case compared && g != nil:
			cells = append(cells, introduced(g), strconv.Itoa(g.Fixed), strconv.Itoa(g.Existing))
		case compared:
			cells = append(cells, "", "", "")
		case g != nil:
			cells = append(cells, strconv.Itoa(g.Introduced+g.Existing))
		default:
			cells = append(cells, "")
		}
		b.WriteString(row(cells))
	}
	if n := len(rows) - maxStages; n > 0 {
		b.WriteString("\n" + printable.Count(n, "more stage") + "\n")
	}
	return b.String()
}

// measured says whether there is something that "introduced" was measured against.
func (c *comment) measured() bool {
	return c.Compared != nil && (c.Compared.Sources != "" || c.Compared.Image != "" || c.Compared.FirstRun)
}

// introduced is a count that says when it only stands in for one.
func introduced(g *report.Group) string {
	n := strconv.Itoa(g.Introduced)
	if slices.ContainsFunc(g.Front, func(f finding.Finding) bool { return f.Status == finding.NotCompared }) {
		return n + " (not compared)"
	}
	return n
}

// skipped names the stages that did not run, those of one reason together.
func (c *comment) skipped() string {
	var reasons []string
	names := map[string][]string{}
	for _, s := range c.Stages {
		if s.Status != verdict.StageSkipped {
			continue
		}
		why := cmp.Or(s.Detail, "no reason given")
		if names[why] == nil {
			reasons = append(reasons, why)
		}
		if !slices.Contains(names[why], s.Name) {
			names[why] = append(names[why], s.Name)
		}
	}
	if len(reasons) == 0 {
		return ""
	}
	more := ""
	if n := len(reasons) - maxListed; n > 0 {
		reasons, more = reasons[:maxListed], "; and more for "+printable.Count(n, "other reason")
	}
	for i, why := range reasons {
		reasons[i] = c.text(strings.Join(names[why], ", ")) + " (" + c.text(why) + ")"
	}
	return "Skipped: " + strings.Join(reasons, "; ") + more
}

// count is "3 findings".
func count(n int, noun string) string { return printable.Count(n, noun) }
