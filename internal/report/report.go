// Package report renders one Result for people and machines: as text, as JSON and
// as annotations; its children render Markdown and speak to GitHub. JSON is the
// canonical form; the others can be made again from it (plimsoll report).
//
// Every form is lower case, without a full stop, and starts or ends with the
// verdict and its causes. What is returned here as text is not printable yet unless
// it says so: each form makes it safe for its own readers. What a form leaves out it
// counts, and names where it is.
package report

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// maxCauses is how many causes every form ends or begins with: interface.md,
// "The last lines of every run".
const maxCauses = 3

// Cause is one thing to mend.
type Cause struct {
	verdict.Reason
	// Also counts further reasons of the same rule at the same place: the other
	// packages that one FROM line brought, say.
	Also int
}

// Causes returns up to three causes of the verdict, the most important first, and
// how many more there are. Reasons of one rule at one place are one cause, so that
// the three name different things to mend. A pass has causes only when an act
// failed after it.
func Causes(r verdict.Result) (causes []Cause, more int) {
	one := func(code, message string) ([]Cause, int) {
		return []Cause{{Reason: verdict.Reason{Code: code, Message: message, Decides: r.Verdict.Decision, Count: 1}}}, 0
	}
	switch {
	case r.Acted != nil && !r.Acted.Done && r.Verdict.Decision == verdict.Pass:
		return one("act-failed", cmp.Or(r.Acted.Error, "an act after the verdict failed"))
	case r.Verdict.Decision == verdict.Pass:
		return nil, 0
	case len(r.Verdict.Reasons) == 0:
		return one("undecided", "the run ended before anything was decided")
	}
	all := merge(r.Verdict.Reasons)
	n := min(len(all), maxCauses)
	return all[:n], len(all) - n
}

func merge(reasons []verdict.Reason) []Cause {
	type key struct {
		code, rule, path, artifact string
		line                       int
	}
	var causes []Cause
	at := make(map[key]int, len(reasons))
	for _, reason := range reasons {
		k := key{reason.Code, reason.Rule, reason.Location.Path, reason.Location.Artifact, reason.Location.Line}
		if k.path != "" {
			k.artifact = "" // every package of a line names itself here
		}
		if i, known := at[k]; known && reason.Rule != "" {
			causes[i].Also++
			causes[i].Count += reason.Count
			continue
		}
		at[k] = len(causes)
		causes = append(causes, Cause{Reason: reason})
	}
	return causes
}

// Sentence is the cause without its place. It is not printable yet.
func (c Cause) Sentence() string {
	var b strings.Builder
	if c.Code == "finding" {
		b.WriteString(c.Severity.String() + ": ")
	}
	b.WriteString(c.Message)
	if c.Rule != "" {
		b.WriteString(" [" + c.Rule + "]")
	}
	switch {
	case c.Also > 0:
		fmt.Fprintf(&b, ", and %d more here (%s)", c.Also, printable.Count(c.Count, "finding"))
	case c.Count > 1:
		fmt.Fprintf(&b, " (%s)", printable.Count(c.Count, "finding"))
	}
	return b.String()
}

// Headline is the verdict in one line, the same in every form. It is not
// printable yet.
func Headline(r verdict.Result) string {
	var b strings.Builder
	b.WriteString(r.Verdict.Decision.String())
	if r.Verdict.Incomplete {
		b.WriteString(" (incomplete: not everything could be looked at)")
	}
	if r.Verdict.Decision != verdict.Pass && !r.Enforced {
		b.WriteString(", not enforced")
	}
	if n := len(r.Verdict.Reasons); n > 0 && r.Verdict.Decision != verdict.Pass {
		b.WriteString(": " + printable.Count(n, "reason"))
	}
	if acts := acts(r.Acted); acts != "" {
		b.WriteString(", " + acts)
	}
	for i, s := range r.Subjects {
		if i == 2 && len(r.Subjects) > 3 {
			fmt.Fprintf(&b, "; %d more images", len(r.Subjects)-i)
			break
		}
		b.WriteString("; " + subject(s))
	}
	return b.String()
}

func acts(a *verdict.Acted) string {
	if a == nil {
		return ""
	}
	var done []string
	if a.Pushed != "" {
		done = append(done, "pushed")
	}
	if a.Signed != "" {
		done = append(done, "signed")
	}
	if len(a.Tags) > 0 {
		done = append(done, "tagged")
	}
	if !a.Done {
		done = append(done, "but an act failed")
	}
	return strings.Join(done, ", ")
}

func subject(s verdict.Subject) string {
	switch {
	case s.Reference == "":
		return s.Digest
	case s.Digest == "" || strings.HasSuffix(s.Reference, s.Digest):
		return s.Reference
	default:
		return s.Reference + " " + s.Digest
	}
}

// Place is "path:line:column" as far as known, else the artefact. It is not
// printable yet.
func Place(l finding.Location) string {
	if l.Path == "" {
		return l.Artifact
	}
	p := l.Path
	if l.Line > 0 {
		p += ":" + strconv.Itoa(l.Line)
		if l.Column > 0 {
			p += ":" + strconv.Itoa(l.Column)
		}
	}
	return p
}

// Line is Place without the column, for tables.
func Line(l finding.Location) string {
	l.Column = 0
	return Place(l)
}

// Facts are where this happened and what was looked at: run, images, counts, database, notes. One line each, not printable yet.
func Facts(r verdict.Result) []string {
	var lines []string
	if run := run(r.Run); run != "" {
		lines = append(lines, "run: "+run)
	}
	for _, s := range r.Subjects {
		about := []string{subject(s)}
		if s.Kind != "" && s.Kind != "manifest" {
			about = append(about, s.Kind)
		}
		if s.Platform != "" {
			about = append(about, s.Platform)
		}
		switch {
		case !s.Uninspected:
			about = append(about, cmp.Or(s.OS, "no distribution"), printable.Count(s.Packages, "package"))
		case r.Command != "verify" && r.Command != "promote":
			about = append(about, "packages not looked at")
		}
		if s.Layers > 0 {
			about = append(about, printable.Count(s.Layers, "layer"), printable.Size(s.Size))
		}
		lines = append(lines, "image: "+strings.Join(about, ", "))
	}
	if b := r.Built; b != nil {
		text := "built: " + b.Dockerfile + " by the " + b.Door + " builder"
		if b.Target != "" {
			text += ", target " + b.Target
		}
		if b.Detail != "" {
			text += " (" + b.Detail + ")"
		}
		lines = append(lines, text)
	}
	if l := r.Linted; l != nil {
		text := fmt.Sprintf("linted: %s, %s with %s",
			printable.Count(l.Dockerfiles, "Dockerfile"), printable.Count(l.Manifests, "manifest"), printable.Count(l.Objects, "object"))
		if l.ComposeFiles > 0 {
			text += fmt.Sprintf(", %s with %s", printable.Count(l.ComposeFiles, "Compose file"), printable.Count(l.Services, "service"))
		}
		if l.Workflows > 0 {
			text += ", " + printable.Count(l.Workflows, "workflow")
		}
		if l.Scripts > 0 {
			text += ", " + printable.Count(l.Scripts, "script")
		}
		lines = append(lines, text)
	}
	if len(r.Points) > 0 {
		lines = append(lines, "points: "+r.Points.String())
	}
	if d := r.Database; d != nil {
		text := "database: " + d.Source
		if d.Digest != "" && !strings.HasSuffix(d.Source, d.Digest) {
			text += " " + d.Digest
		}
		lines = append(lines, text+", of "+d.UpdatedAt.UTC().Format("2006-01-02 15:04 UTC")+", "+printable.Age(d.Age)+" old")
	}
	for _, n := range r.Notes {
		lines = append(lines, "note: "+n)
	}
	return lines
}

// Circumstances are what a reader must know to trust the verdict: what it was
// compared with, which loosenings were refused, what could not be told or done. One
// line each, not printable yet.
func Circumstances(r verdict.Result) []string {
	var lines []string
	if compared := ComparedWith(r); compared != "" {
		lines = append(lines, compared)
	}
	for _, refused := range r.Refused {
		lines = append(lines, "refused: "+refused)
	}
	if len(r.Degraded) > 0 {
		lines = append(lines, "could not be told or done: "+strings.Join(r.Degraded, ", "))
	}
	return lines
}

// run is "pull_request 12 of acme/app, commit 3b1c9d0, from a fork or Dependabot".
func run(r *verdict.Run) string {
	if r == nil {
		return ""
	}
	text := r.Event
	if r.Pull > 0 {
		text += " " + strconv.Itoa(r.Pull)
	}
	if r.Repository != "" {
		text += " of " + r.Repository
	}
	if commit := cmp.Or(r.Head, r.Commit); commit != "" {
		text += ", commit " + Short(commit)
	}
	if r.Untrusted {
		text += ", from a fork or Dependabot"
	}
	if r.Draft {
		text += ", a draft"
	}
	return text
}

// Short is how people write a commit; anything that is no hash stays as it is.
func Short(commit string) string {
	for _, r := range commit {
		if (r < '0' || r > '9') && (r < 'a' || r > 'f') {
			return commit
		}
	}
	return commit[:min(len(commit), 7)]
}

// ComparedWith says what "introduced" was measured against, and what counts because
// it was measured against nothing; "" when there was nothing to compare for. It is
// not printable yet.
func ComparedWith(r verdict.Result) string {
	c := r.Compared
	if c == nil {
		if r.Policy.OnlyIntroduced {
			return "nothing was compared, so everything found counts as introduced"
		}
		return ""
	}
	base := cmp.Or(c.Branch, "the base")
	if c.Commit != "" {
		base += " at " + Short(c.Commit)
	}
	var how, missing []string
	for _, part := range []struct {
		what, how string
		looked    bool
	}{
		{"sources", c.Sources, r.Linted != nil},
		{"image", c.Image, len(r.Subjects) > 0},
	} {
		switch {
		case part.how != "":
			how = append(how, part.what+": "+part.how)
		case part.looked:
			missing = append(missing, part.what)
		}
	}
	text := "compared with " + base
	if len(how) == 0 {
		text = "not compared with " + base
	} else {
		text += " (" + strings.Join(how, "; ") + ")"
	}
	if c.FirstRun {
		return "first run: " + text + "; what was there before is not blamed"
	}
	if len(missing) > 0 {
		text += "; " + strings.Join(missing, " and ") + " not compared"
		if r.Policy.OnlyIntroduced {
			text += ", so everything found there counts as introduced"
		}
	}
	return text
}

// DescribeEvidence is one line per signature or attestation, not printable yet, and
// the word "verified" or "rejected".
func DescribeEvidence(e verdict.Evidence) (word, text string) {
	word = "verified"
	if !e.Verified {
		word = "rejected"
	}
	text = e.Kind
	if e.PredicateType != "" {
		text += " " + e.PredicateType
	}
	text += " of " + e.Subject
	if e.Signer != "" {
		text += " by " + e.Signer
	}
	if e.Rejected != "" {
		text += ": " + e.Rejected
	}
	return word, text
}
