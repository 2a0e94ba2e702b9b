// Package policy turns what was seen into a verdict. It is pure: nothing is read,
// nothing is written, and the same input gives the same verdict. It is the only
// place that decides; everything else reports what it saw.
package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// Profile names a set of demands.
type Profile string

// The profiles. Strict also counts what could not be read inside the image (one
// language manifest, one file) as indeterminate; recommended lists it. Of kubernetes
// no point is about Compose.
const (
	Recommended Profile = "recommended"
	Strict      Profile = "strict"
	Kubernetes  Profile = "kubernetes"
)

// Policy is what decides. The zero value fails on everything it is shown.
type Policy struct {
	FailOn        finding.Severity // vulnerabilities of this severity and above
	LintFailOn    finding.Severity // findings of lint of this severity and above
	IgnoreUnfixed bool             // a vulnerability without a published fix is told and does not decide
	// OnlyIntroduced lets pass what was there before the change. What could not be
	// compared counts as introduced: a missing comparison must not open the gate.
	OnlyIntroduced bool
	Profile        Profile
	// MaxMissed is how many points of the checklist may be missed; nil is any number.
	MaxMissed *int
}

// Failure is a stage that did not give what it was asked for.
type Failure struct {
	Stage string
	// Code is a word for machines; empty is Stage with "-failed".
	Code     string
	Message  string
	Location finding.Location
	// Judged is true when the failure itself is the answer (a build that ran and
	// failed): it decides fail. Otherwise nobody knows: indeterminate.
	Judged bool
}

// Seen is everything the look stages saw.
type Seen struct {
	Findings []finding.Finding
	Unread   []finding.Unread
	Failures []Failure
	// Linted is what of the sources was judged, nil when nothing was; Inspected says that
	// an image was walked to its end.
	Linted    *verdict.Linted
	Inspected bool
	// Unknown says of points why they could not be decided everywhere, and Partial of
	// kinds of sources why they are not known in full.
	Unknown map[string]string
	Partial map[source.Kind]string
	// Unverified says why no signature holds where one was demanded; "" otherwise.
	Unverified string
}

// Evaluate reaches the verdict. Fail wins over indeterminate, and says
// Incomplete when something else could not be looked at. The reasons are
// ordered: what fails before what is unknown, then the most severe first.
func (p Policy) Evaluate(seen Seen) verdict.Verdict {
	reasons := p.fromFindings(seen.Findings)
	for _, f := range seen.Failures {
		decides := verdict.Indeterminate
		if f.Judged {
			decides = verdict.Fail
		}
		reasons = append(reasons, verdict.Reason{
			Code: cmp.Or(f.Code, f.Stage+"-failed"), Message: f.Message, Location: f.Location, Decides: decides, Count: 1,
		})
	}
	if seen.Unverified != "" {
		reasons = append(reasons, verdict.Reason{Code: "unverified", Message: seen.Unverified, Decides: verdict.Fail, Count: 1})
	}
	reasons = append(reasons, p.fromUnread(seen.Unread)...)
	if missed := p.Points(seen).Of(verdict.Missed); p.MaxMissed != nil && len(missed) > *p.MaxMissed {
		reasons = append(reasons, verdict.Reason{
			Code: "points-missed", Decides: verdict.Fail, Count: 1,
			Message: fmt.Sprintf("%d points are missed (%s), and max-missed is %d; meet one of them", len(missed), strings.Join(missed, ", "), *p.MaxMissed),
		})
	}
	slices.SortStableFunc(reasons, order)

	v := verdict.Verdict{Decision: verdict.Pass, Reasons: reasons}
	for _, r := range reasons {
		switch r.Decides {
		case verdict.Fail:
			v.Decision = verdict.Fail
		case verdict.Indeterminate:
			if v.Decision == verdict.Pass {
				v.Decision = verdict.Indeterminate
			}
			v.Incomplete = true
		case verdict.Pass:
		}
	}
	v.Incomplete = v.Incomplete && v.Decision == verdict.Fail
	return v
}

// Blocks says whether this finding alone makes the verdict fail.
func (p Policy) Blocks(f finding.Finding) bool {
	switch {
	case f.Suppressed != nil, f.Status == finding.Fixed:
		return false
	case p.OnlyIntroduced && (f.Status == finding.Existing || f.Status == finding.Disclosed):
		return false
	case f.Vulnerability != nil:
		if p.IgnoreUnfixed && f.Vulnerability.FixedIn == "" {
			return false
		}
		return f.Severity >= p.FailOn
	case f.ImageSecret():
		// A secret that lies in an image is out, whoever rates it: interface.md, "What fails when".
		return true
	default:
		return f.Severity >= p.LintFailOn
	}
}

// fromFindings gives one reason per rule and place: forty advisories on the
// packages of one line are one thing to mend.
func (p Policy) fromFindings(findings []finding.Finding) []verdict.Reason {
	type key struct {
		rule, path string
		line       int
		subject    string
	}
	var reasons []verdict.Reason
	at := map[key]int{}
	for _, f := range findings {
		if !p.Blocks(f) {
			continue
		}
		k := key{rule: f.Rule.ID, path: f.Location.Path, line: f.Location.Line, subject: f.Subject}
		if f.Vulnerability != nil {
			k.subject = f.Vulnerability.Package + "\x00" + f.Vulnerability.Installed
		}
		i, known := at[k]
		if !known {
			at[k] = len(reasons)
			reasons = append(reasons, verdict.Reason{
				Code: "finding", Message: f.Message, Location: f.Location,
				Rule: f.Rule.ID, Severity: f.Severity, Decides: verdict.Fail, Count: 1,
			})
			continue
		}
		r := &reasons[i]
		r.Count++
		if f.Severity > r.Severity {
			r.Severity, r.Message = f.Severity, f.Message
		}
	}
	return reasons
}

func (p Policy) fromUnread(unread []finding.Unread) []verdict.Reason {
	var reasons []verdict.Reason
	for _, u := range unread {
		switch u.Kind {
		case finding.UnreadLanguage, finding.UnreadFile:
			// One broken manifest among a thousand dependencies is the rule, not the
			// exception (npm's resolve ships one on purpose): told, and decides only under strict.
			if p.Profile != Strict {
				continue
			}
		case finding.UnreadSource, finding.UnreadLayer, finding.UnreadOS, finding.UnreadDatabase:
		}
		reasons = append(reasons, verdict.Reason{
			Code: "unread", Message: u.Cause, Location: u.Location, Decides: verdict.Indeterminate, Count: 1,
		})
	}
	return reasons
}

func order(a, b verdict.Reason) int {
	return cmp.Or(
		cmp.Compare(rank(a), rank(b)),
		cmp.Compare(b.Severity, a.Severity),
		cmp.Compare(a.Location.Path, b.Location.Path),
		cmp.Compare(a.Location.Line, b.Location.Line),
		cmp.Compare(a.Rule, b.Rule),
	)
}

// rank puts a build that failed first (nothing else can be mended before), then
// findings, then what is unknown.
func rank(r verdict.Reason) int {
	switch {
	case r.Decides == verdict.Fail && r.Code != "finding":
		return 0
	case r.Decides == verdict.Fail:
		return 1
	default:
		return 2
	}
}
