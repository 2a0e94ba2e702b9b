// Package markdown renders a Result in GitHub's Markdown: the summary of a job and
// the comment below a pull request.
//
// Text from outside (names, messages, paths, versions) passes through escape, code
// or pre, and is text and nothing else afterwards. Addresses are built here from
// parts of known form, never taken from data. No picture, no mention, no reference
// to an issue, no time that is relative to now.
package markdown

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/report"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// The size that a comment's body never passes. GitHub refuses more than 65,536
// characters, and keeps 262,144 bytes of them; what is left is for the line that
// marks the comment as ours.
const (
	maxUnits = 60_000  // UTF-16 code units
	maxBytes = 190_000 // of UTF-8
)

// floorBytes is the most that the least comment takes, whatever the names are.
const floorBytes = 4 << 10

// CommentOptions say what a comment is about beside its result.
type CommentOptions struct {
	// Label tells one comment of a pull request from the others: the leg of a matrix,
	// an image. It stands in the first line; empty where there is only one.
	Label string
	// SelfReported says that the result was written by the run of a fork and only
	// handed on: it is labelled, and links to nothing that the result names but
	// public advisories.
	SelfReported bool
	// Report names the saved report.json, where what is cut can be found; empty is
	// "report.json".
	Report string
}

// Post is what stands below a pull request.
type Post struct {
	// Body is Markdown of at most 60,000 UTF-16 code units and 190,000 bytes. The first
	// line holds the verdict and its first cause. Nothing in it depends on the clock:
	// the same result gives the same body.
	Body string
	// Short is the least that is worth saying, of at most 4 KiB: the verdict, the
	// stages and the links.
	Short string
	// Worth says that there is something to act on: the verdict is no pass, an act or
	// a stage failed, the change introduced something or asked for a loosening that it
	// did not get. Without it no comment need be made, and one that stands is brought
	// up to date.
	Worth bool
}

// plan says how much a comment shows.
type plan struct {
	front, back int  // rows at most; 0 leaves the section out
	bodies      bool // the sections that open with a click
}

// plans are tried in turn until one fits. Below the last stands the floor.
var plans = []plan{{50, 50, true}, {50, 20, true}, {50, 0, true}, {20, 0, true}, {0, 0, false}}

// Comment renders the comment of a result. What does not fit is left out by
// whole sections, the least important first, and the comment says so: what was
// there before, then rows of what was introduced, then everything behind a click,
// and last everything but the verdict, the stages and the links.
func Comment(r verdict.Result, o CommentOptions) Post {
	if o.SelfReported {
		r.Run = unlinked(r.Run)
	}
	c := newComment(r, o, newStyle(r, 160, 5))
	made := Post{Short: c.floor(), Worth: c.worth()}
	for _, p := range plans {
		if made.Body = c.render(p); fits(made.Body) {
			return made
		}
	}
	made.Body = made.Short
	return made
}

// Note is a remark of our own for a job's summary: a sentence, and below it lines
// that people copy.
func Note(sentence, hint string) string {
	blocks := []string{escape(sentence)}
	if hint != "" {
		blocks = append(blocks, pre(hint))
	}
	return "\n" + join(blocks)
}

// unlinked is a run without what addresses are built of.
func unlinked(r *verdict.Run) *verdict.Run {
	if r == nil {
		return nil
	}
	run := *r
	run.Server = ""
	return &run
}

func fits(body string) bool {
	if len(body) > maxBytes {
		return false
	}
	units := 0
	for _, r := range body {
		units++
		if r > 0xffff {
			units++
		}
	}
	return units <= maxUnits
}

// report is where everything is kept.
func (c *comment) report() string { return cmp.Or(c.options.Report, "report.json") }

type comment struct {
	verdict.Result
	style
	options CommentOptions
	found   report.Found
}

func newComment(r verdict.Result, o CommentOptions, s style) *comment {
	return &comment{Result: r, options: o, style: s, found: report.Split(r)}
}

func (c *comment) worth() bool {
	introduced := false
	for _, f := range c.Findings {
		introduced = introduced || f.Status == finding.Introduced && f.Suppressed == nil
	}
	failed := false
	for _, s := range c.Stages {
		failed = failed || s.Status == verdict.StageFailed
	}
	return c.Verdict.Decision != verdict.Pass || unacted(c.Result) || introduced || failed || len(c.Refused) > 0
}

// render joins the blocks that p asks for.
func (c *comment) render(p plan) string {
	causes, more := report.Causes(c.Result)
	blocks := []string{c.title(causes, more, c.cell), c.subject(), c.stageTable()}
	quiet := !c.worth()
	if quiet {
		blocks[2] = details("Stages", blocks[2])
	}
	blocks = append(blocks, c.skipped(), c.labels(), c.unreadable())
	if len(causes) > 0 {
		blocks = append(blocks, c.causes(causes))
	}
	cut := false
	if p.bodies {
		front, shortened := c.front(p.front)
		blocks = append(blocks, front...)
		cut = shortened
		if p.back > 0 {
			back, shortened := c.back(p.back)
			blocks = append(blocks, back...)
			cut = cut || shortened
		}
		blocks = append(blocks, c.why())
	}
	if cut || p != plans[0] {
		blocks = append(blocks, "Not everything fits here; all of it is in the "+to("job summary", c.run)+" and in "+codeTo(c.report(), 100)+".")
	}
	blocks = append(blocks, c.footer())
	return join(blocks)
}

// join puts an empty line between blocks, which ends whatever Markdown was open.
func join(blocks []string) string {
	var b strings.Builder
	for _, block := range blocks {
		if block = strings.TrimRight(block, "\n"); block != "" {
			b.WriteString(block + "\n\n")
		}
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// details is a block that opens with a click. The summary is safe already.
func details(summary, body string) string {
	if body == "" {
		return ""
	}
	return "<details><summary>" + summary + "</summary>\n\n" + strings.TrimRight(body, "\n") + "\n\n</details>"
}

// title is the first line: what a mail shows before it is opened.
func (c *comment) title(causes []report.Cause, more, cell int) string {
	var b strings.Builder
	b.WriteString("### " + mark(c.Result) + " " + c.Verdict.Decision.String())
	if c.options.Label != "" {
		b.WriteString(" for " + codeTo(c.options.Label, min(cell, 60)))
	}
	if c.Verdict.Incomplete {
		b.WriteString(" (incomplete)")
	}
	if c.Verdict.Decision != verdict.Pass && !c.Enforced {
		b.WriteString(", not enforced")
	}
	if unacted(c.Result) {
		b.WriteString(", but an act failed")
	}
	if c.Run != nil && c.Run.Draft {
		b.WriteString(", advisory")
	}
	if len(causes) == 0 {
		return b.String() + c.gain()
	}
	first := causes[0]
	message := first.Message
	if first.Code == "finding" {
		message = first.Severity.String() + ": " + message
	}
	b.WriteString(": " + escapeTo(message, cell))
	if p := report.Line(first.Location); p != "" {
		b.WriteString(" " + codeTo(p, min(cell, 80)))
	}
	if rest := more + len(causes) - 1; rest > 0 {
		b.WriteString(", and " + strconv.Itoa(rest) + " more to mend")
	}
	return b.String()
}

// gain is what a pass brings and takes: ": 1 introduced, none blocking; 3 fixed".
func (c *comment) gain() string {
	introduced, fixed := 0, 0
	for _, g := range []*report.Group{&c.found.Problems, &c.found.Secrets, &c.found.Vulnerable} {
		fixed += g.Fixed
		if c.measured() {
			introduced += g.Introduced
		}
	}
	var parts []string
	if introduced > 0 {
		parts = append(parts, strconv.Itoa(introduced)+" introduced, none blocking")
	}
	if fixed > 0 {
		parts = append(parts, strconv.Itoa(fixed)+" fixed")
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, "; ")
}

// maxSubjects is how many images the head names.
const maxSubjects = 3

// subject is what the comment speaks of: images, commit, run.
func (c *comment) subject() string {
	var parts []string
	for i, s := range c.Subjects {
		if i == maxSubjects {
			parts = append(parts, strconv.Itoa(len(c.Subjects)-i)+" more images")
			break
		}
		reference := strings.TrimSuffix(strings.TrimSuffix(s.Reference, s.Digest), "@")
		parts = append(parts, strings.TrimSpace(c.code(reference)+" "+c.code(shortDigest(s.Digest))))
	}
	return strings.Join(append(parts, c.origin()...), " · ")
}

// origin is the commit and the run.
func (c *comment) origin() []string {
	var parts []string
	if at := c.judged(); at != "" {
		parts = append(parts, at)
	}
	if c.run != "" {
		parts = append(parts, to("full report", c.run))
	}
	return parts
}

// judged is the commit that people know the run by.
func (c *comment) judged() string {
	if c.Run == nil || head(c.Run) == "" {
		return ""
	}
	return "commit " + to(codeTo(report.Short(head(c.Run)), min(c.cell, 40)), c.commit)
}

// shortDigest is "sha256:4be0…a4b3"; anything that is no digest stays as it is.
func shortDigest(d string) string {
	const prefix = "sha256:"
	if len(d) != len(prefix)+64 || !strings.HasPrefix(d, prefix) {
		return d
	}
	return d[:len(prefix)+4] + "…" + d[len(d)-4:]
}

// maxListed is how many lines each kind of remark takes.
const maxListed = 5

// labels say in plain sight what a reader must know to trust the verdict.
func (c *comment) labels() string {
	var lines []string
	if c.options.SelfReported {
		lines = append(lines, "⚠️ Reported by the fork's own run; not used for merging or promotion")
	}
	if c.Run != nil && c.Run.Untrusted {
		lines = append(lines, "This change comes from a fork or from Dependabot: its run has no secrets, and nothing is pushed or signed")
	}
	if c.Run != nil && c.Run.Draft {
		lines = append(lines, "The pull request is a draft: the verdict is advisory")
	}
	if compared := report.ComparedWith(c.Result); compared != "" {
		lines = append(lines, escape(strings.ToUpper(compared[:1])+compared[1:]))
	} else if c.Run != nil {
		lines = append(lines, "Everything found counts, whether the change introduced it or not")
	}
	for i, refused := range c.Refused {
		if i == maxListed {
			lines = append(lines, "**Refused:** "+strconv.Itoa(len(c.Refused)-i)+" more")
			break
		}
		lines = append(lines, "**Refused:** "+c.text(refused))
	}
	if len(c.Degraded) > 0 {
		lines = append(lines, "**Could not be told or done:** "+c.text(strings.Join(c.Degraded, ", ")))
	}
	return list(lines)
}

// unreadable names what could not be read; a table of the summary holds all of it.
func (c *comment) unreadable() string {
	var lines []string
	for i, u := range c.Unread {
		if i == maxListed {
			lines = append(lines, "**Could not be read:** "+strconv.Itoa(len(c.Unread)-i)+" more")
			break
		}
		where := c.unreadAt(u)
		if where != "" {
			where += " "
		}
		lines = append(lines, "**Could not be read:** "+where+c.text(u.Cause))
	}
	return list(lines)
}

func list(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return "- " + strings.Join(lines, "\n- ")
}

// footer names what decided.
func (c *comment) footer() string {
	parts := []string{"plimsoll " + escapeTo(c.Version, 40)}
	if d := c.Database; d != nil {
		parts = append(parts, "database of "+d.UpdatedAt.UTC().Format("2006-01-02 15:04")+" UTC")
	}
	parts = append(parts, escape(policyText(c.Policy)))
	return "<sub>" + strings.Join(parts, " · ") + "</sub>"
}

// floor is the least that is always said: at most 4 KiB, whatever the names are.
func (c *comment) floor() string {
	causes, more := report.Causes(c.Result)
	small := *c
	small.cell = 16
	small.options.Label = cut(c.options.Label, 16)
	blocks := []string{small.title(causes, more, 40), strings.Join(small.origin(), " · ")}
	rows := small.stageRows()
	t := table{header: []string{"Stage", "Result"}}
	var b strings.Builder
	b.WriteString(t.head())
	for _, r := range rows[:min(len(rows), 6)] {
		b.WriteString(row([]string{r.name, r.mark}))
	}
	if len(rows) > 0 {
		blocks = append(blocks, b.String())
	}
	blocks = append(blocks, "Nothing more fits here; everything is in the "+to("job summary", c.run)+" and in "+codeTo(small.report(), small.cell)+".")
	return join(blocks)
}
