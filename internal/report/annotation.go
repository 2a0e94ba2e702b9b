package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/policy"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// The levels of annotations, as GitHub's workflow commands name them.
const (
	LevelError   = "error"   // it blocks
	LevelWarning = "warning" // the change brought it and it does not block, or nothing is enforced
	LevelNotice  = "notice"  // of the printer's own: what it left out
)

// maxAnnotation is how many code points of a message are shown. The runner cuts at
// 4096 characters; nobody reads as far beside a line of code.
const maxAnnotation = 600

// maxTitle keeps a title on one line of the page.
const maxTitle = 120

// Annotation is one remark beside one line of the change.
type Annotation struct {
	Level string // LevelError, LevelWarning or LevelNotice
	// Path is relative to the workspace, Line and EndLine are one-based; empty and
	// zero where the place is not a line of a file.
	Path          string
	Line, EndLine int
	// Column and EndColumn are zero unless the place is within one line. EndColumn is
	// exclusive, as in finding.Location.
	Column, EndColumn int
	Title             string // rule id and name, or what became of the verdict
	Message           string // at most 600 code points, on one line, printable
	// Count is how many findings this stands for, 1 or more; 0 when it is about the
	// verdict and no finding.
	Count int
}

// Annotations returns a remark for everything that blocks (error) and everything
// else that the change brought or that was not compared (warning): first why the
// verdict is what it is when no finding says it, then by level, severity and
// status, so that who prints only the first few prints the ones that matter. There
// is one per rule and line; the vulnerabilities that one line brought are one
// together. Under warn-only nothing blocks and all are warnings but a failed act.
//
// Existing counts the findings without a remark because they were there before.
func Annotations(r verdict.Result) (all []Annotation, existing int) {
	found := Split(r)
	all = verdictAnnotations(r)
	var findings []weighed
	decides := deciding(r.Policy)
	for _, group := range []Group{found.Problems, found.Secrets} {
		findings = append(findings, lineAnnotations(group.Front, decides)...)
		existing += len(group.Back)
	}
	findings = append(findings, vulnerableAnnotations(found.Vulnerable.Front, decides)...)
	existing += len(found.Vulnerable.Back)
	slices.SortStableFunc(findings, func(a, b weighed) int {
		return cmp.Or(
			cmp.Compare(a.Level, b.Level), // "error" before "warning"
			cmp.Compare(b.severity, a.severity),
			compareBool(b.introduced, a.introduced),
			cmp.Compare(a.Path, b.Path),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Title, b.Title),
		)
	})
	for _, w := range findings {
		if !r.Enforced {
			w.Level = LevelWarning
		}
		all = append(all, w.Annotation)
	}
	return all, existing
}

// deciding is the policy that decided, as far as the result tells it.
func deciding(p verdict.Policy) policy.Policy {
	return policy.Policy{
		FailOn: p.FailOn, LintFailOn: p.LintFailOn, IgnoreUnfixed: p.IgnoreUnfixed,
		OnlyIntroduced: p.OnlyIntroduced, Profile: policy.Profile(p.Profile),
		MaxMissed: p.MaxMissed,
	}
}

// verdictAnnotations tells the reasons that no finding tells.
func verdictAnnotations(r verdict.Result) []Annotation {
	word := r.Verdict.Decision.String()
	level := LevelError
	if !r.Enforced {
		level = LevelWarning
	}
	reasons := r.Verdict.Reasons
	if r.Acted != nil && !r.Acted.Done && r.Verdict.Decision == verdict.Pass {
		word, level, reasons = "pass", LevelError, nil
	}
	if len(reasons) == 0 {
		causes, _ := Causes(r)
		for _, c := range causes {
			reasons = append(reasons, c.Reason)
		}
	}
	var all []Annotation
	told := map[Annotation]bool{}
	for _, reason := range reasons {
		if reason.Code == "finding" {
			continue
		}
		a := at(reason.Location, level)
		a.Title = limit(word+": "+strings.ReplaceAll(reason.Code, "-", " "), maxTitle)
		a.Message = reason.Message
		if reason.Location.Path == "" && reason.Location.Artifact != "" {
			a.Message = reason.Location.Artifact + ": " + a.Message
		}
		a.Message = limit(a.Message, maxAnnotation)
		if !told[a] {
			told[a] = true
			all = append(all, a)
		}
	}
	return all
}

// weighed is an annotation with what it is sorted by.
type weighed struct {
	Annotation
	severity   finding.Severity
	introduced bool
}

func lineAnnotations(findings []finding.Finding, decides policy.Policy) []weighed {
	type key struct {
		rule, path, artifact string
		line                 int
	}
	var all []weighed
	known := map[key]int{}
	for _, f := range findings {
		level := LevelWarning
		if decides.Blocks(f) {
			level = LevelError
		}
		k := key{f.Rule.ID, f.Location.Path, "", f.Location.Line}
		if k.path == "" {
			k.artifact = f.Location.Artifact
		}
		if i, again := known[k]; again {
			all[i].Count++
			all[i].Level = min(all[i].Level, level)
			all[i].introduced = all[i].introduced || f.Status == finding.Introduced
			continue
		}
		known[k] = len(all)
		a := at(f.Location, level)
		a.Title = limit(strings.TrimSpace(f.Rule.ID+" "+f.Rule.Name), maxTitle)
		a.Message, a.Count = f.Message, 1 // cut below, when the count is known
		all = append(all, weighed{a, f.Severity, f.Status == finding.Introduced})
	}
	for i := range all {
		text := all[i].severity.String() + ": " + all[i].Message
		if n := all[i].Count - 1; n > 0 {
			text = fmt.Sprintf("%s (and %d more of this rule here)", text, n)
		}
		all[i].Message = limit(text, maxAnnotation)
	}
	return all
}

// vulnerableAnnotations gives one annotation per line, whoever brought the packages.
func vulnerableAnnotations(findings []finding.Finding, decides policy.Policy) []weighed {
	var places []string
	byPlace := map[string][]finding.Finding{}
	for _, f := range findings {
		place := Line(f.Location)
		if f.Location.Path == "" {
			place = "" // one image's packages carry one package URL each
		}
		if byPlace[place] == nil {
			places = append(places, place)
		}
		byPlace[place] = append(byPlace[place], f)
	}
	var all []weighed
	for _, place := range places {
		own := byPlace[place]
		w := weighed{Annotation: at(own[0].Location, LevelWarning), severity: own[0].Severity}
		blocking := 0
		var rules []string
		for _, f := range own {
			if decides.Blocks(f) {
				blocking++
				w.Level = LevelError
			}
			w.introduced = w.introduced || f.Status == finding.Introduced
			if rule := strings.TrimSpace(f.Rule.ID + " " + f.Rule.Name); !slices.Contains(rules, rule) {
				rules = append(rules, rule)
			}
		}
		slices.Sort(rules)
		w.Title, w.Count = limit(strings.Join(rules, ", "), maxTitle), len(own)
		w.Message = limit(vulnerableMessage(own, blocking), maxAnnotation)
		all = append(all, w)
	}
	return all
}

// vulnerableMessage is "12 vulnerabilities in 5 packages brought by this line (…);
// upgrade …". The packages to upgrade come worst first, as many as fit.
func vulnerableMessage(findings []finding.Finding, blocking int) string {
	places := Places(findings)
	total, packages, fromBase := 0, 0, true
	var upgrades []string
	for _, at := range places {
		packages += len(at.Packages)
		fromBase = fromBase && at.FromBase
		for _, p := range at.Packages {
			total += p.Count
			if fixes := p.FixedIn(); len(fixes) > 0 {
				upgrades = append(upgrades, fmt.Sprintf("%q %s (fixed in %s)", p.Name, p.Installed, strings.Join(fixes, ", ")))
			}
		}
	}
	number := strconv.Itoa(total) + " vulnerabilities"
	if total == 1 {
		number = findings[0].Vulnerability.ID
	}
	by := "this image"
	switch {
	case fromBase:
		by = "the base image"
	case findings[0].Location.Path != "":
		by = "this line"
	}
	text := fmt.Sprintf("%s in %s brought by %s (%s", number, printable.Count(packages, "package"), by, Severities(findings))
	if blocking > 0 && blocking < len(findings) {
		text += fmt.Sprintf(", %d of them blocking", blocking)
	}
	if len(upgrades) == 0 {
		return text + "); no fix is published yet"
	}
	text += "); upgrade " + upgrades[0]
	for i, u := range upgrades[1:] {
		if utf8.RuneCountInString(text+u) > maxAnnotation-len(", and 12345678 more") {
			return text + fmt.Sprintf(", and %d more", len(upgrades)-1-i)
		}
		text += ", " + u
	}
	return text
}

// at places an annotation. GitHub drops columns of places over several lines.
func at(l finding.Location, level string) Annotation {
	a := Annotation{Level: level, Path: printable.Text(l.Path)}
	if l.Path == "" || l.Line <= 0 {
		return a
	}
	a.Line, a.EndLine = l.Line, max(l.EndLine, l.Line)
	if a.Line == a.EndLine && l.Column > 0 {
		a.Column, a.EndColumn = l.Column, max(l.EndColumn, l.Column)
	}
	return a
}

// limit is s on one line, printable, of at most n code points.
func limit(s string, n int) string {
	s = printable.Text(printable.Fold(s, 4*n))
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
