// Package report renders one Result in every form people and machines read:
// text, JSON and Markdown. JSON is the canonical form; the others can be made
// again from it (plimsoll report).
//
// The rules of the text: results only, no chatter; what must be mended comes
// with its place first, as compilers print it; the last lines are the verdict,
// its causes and the command that reproduces it, because the end of a log is
// what people see. Lower case, no full stop. Text from outside passes through
// package printable. What a form leaves out it counts, and names where it is.
package report

import (
	"cmp"
	"fmt"
	"slices"
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

// Causes returns up to three causes of the verdict, the most important first.
// Reasons of one rule at one place are one cause, so that the three name
// different things to mend. A pass has causes only when an act failed after it.
func Causes(r verdict.Result) []Cause {
	if r.Acted != nil && !r.Acted.Done && r.Verdict.Decision == verdict.Pass {
		return []Cause{{Reason: verdict.Reason{
			Code: "act-failed", Message: cmp.Or(r.Acted.Error, "an act after the verdict failed"), Decides: verdict.Pass, Count: 1,
		}}}
	}
	if r.Verdict.Decision == verdict.Pass {
		return nil
	}
	all := merge(r.Verdict.Reasons)
	if len(all) == 0 {
		return []Cause{{Reason: verdict.Reason{
			Code: "undecided", Message: "the run ended before anything was decided", Decides: r.Verdict.Decision, Count: 1,
		}}}
	}
	return all[:min(len(all), maxCauses)]
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

// sentence is the cause without its place. It is not printable yet.
func (c Cause) sentence() string {
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

// headline is the verdict in one line, the same in every form. It is not
// printable yet.
func headline(r verdict.Result) string {
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

// place is "path:line:column" as far as known, else the artefact. It is not
// printable yet.
func place(l finding.Location) string {
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

// line is place without the column, for tables.
func line(l finding.Location) string {
	l.Column = 0
	return place(l)
}

// sorted is what was found, split the way people read it. Every list is in the
// order of finding.Sort.
type sorted struct {
	problems   []finding.Finding // of sources and of the image, except the two below
	secrets    []finding.Finding // in the image
	vulnerable []finding.Finding
	suppressed []finding.Finding
	fixed      int // gone since what was compared with
}

func split(findings []finding.Finding) sorted {
	all := slices.Clone(findings)
	finding.Sort(all)
	var s sorted
	for _, f := range all {
		switch {
		case f.Status == finding.Fixed:
			s.fixed++
		case f.Suppressed != nil:
			s.suppressed = append(s.suppressed, f)
		case f.Vulnerability != nil:
			s.vulnerable = append(s.vulnerable, f)
		case f.ImageSecret():
			s.secrets = append(s.secrets, f)
		default:
			s.problems = append(s.problems, f)
		}
	}
	return s
}

// tally counts by severity.
type tally [finding.Critical + 1]int

func (t *tally) add(s finding.Severity, n int) {
	if s < 0 || s > finding.Critical {
		s = finding.Unknown
	}
	t[s] += n
}

// String is "2 critical, 5 high".
func (t *tally) String() string {
	var parts []string
	for s := finding.Critical; s >= finding.Unknown; s-- {
		if t[s] > 0 {
			parts = append(parts, strconv.Itoa(t[s])+" "+s.String())
		}
	}
	return strings.Join(parts, ", ")
}

func severities(findings []finding.Finding) string {
	var t tally
	for _, f := range findings {
		t.add(f.Severity, 1)
	}
	return t.String()
}

// facts are what was looked at: images, counts, database. One line each, not
// printable yet.
func facts(r verdict.Result) []string {
	var lines []string
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
		case r.Command != "verify":
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
		lines = append(lines, fmt.Sprintf("linted: %s, %s with %s",
			printable.Count(l.Dockerfiles, "Dockerfile"), printable.Count(l.Manifests, "manifest"), printable.Count(l.Objects, "object")))
	}
	if d := r.Database; d != nil {
		text := "database: " + d.Source
		if d.Digest != "" && !strings.HasSuffix(d.Source, d.Digest) {
			text += " " + d.Digest
		}
		lines = append(lines, text+", of "+d.UpdatedAt.UTC().Format("2006-01-02 15:04 UTC")+", "+printable.Age(d.Age)+" old")
	}
	return lines
}

// evidence is one line per signature or attestation, not printable yet.
func evidence(e verdict.Evidence) (word, text string) {
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

// said joins text that is printable line by line.
func said(s string) string { return strings.Join(printable.Lines(s), "; ") }
