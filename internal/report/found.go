package report

import (
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// Found is what a result found, split the way people read it. Every list is in the
// order of finding.Sort.
type Found struct {
	Problems   Group             // of sources and of the image, except the two below
	Secrets    Group             // in the image
	Vulnerable Group             // packages
	Suppressed []finding.Finding // excused, whatever they are
	// Mendable counts the findings that "plimsoll lint --fix" mends.
	Mendable int
}

// Group is one kind of findings.
type Group struct {
	// Front is what the reader should see: what blocks, what the change introduced and
	// what was not compared.
	Front []finding.Finding
	// Back was there before the change, or was disclosed since, and does not block.
	Back []finding.Finding
	// Gone was there before.
	Gone []finding.Finding
	Counts
}

// Counts are how many different findings a Group holds: an advisory counts once for
// an installed version and line, however many files of the image bring it.
type Counts struct {
	Introduced int // by the change, and what was not compared
	Existing   int // was there before the change, or was disclosed since
	Fixed      int
	Blocking   int // makes the verdict fail, introduced or not
}

// Split sorts the findings of r. What blocks is asked of the policy itself.
func Split(r verdict.Result) Found {
	all := slices.Clone(r.Findings)
	finding.Sort(all)
	decides := deciding(r.Policy)
	seen := distinct{}
	var found Found
	for _, f := range all {
		g := &found.Problems
		switch {
		case f.Vulnerability != nil:
			g = &found.Vulnerable
		case f.ImageSecret():
			g = &found.Secrets
		}
		known := f.Status == finding.Existing || f.Status == finding.Disclosed
		blocks := decides.Blocks(f)
		counts := &g.Counts
		if !seen.first(&f) {
			counts = &Counts{}
		}
		if f.Fix != nil && f.Fix.Class == finding.Safe && len(f.Fix.Edits) > 0 && f.Suppressed == nil && f.Status != finding.Fixed {
			found.Mendable++
		}
		switch {
		case f.Status == finding.Fixed:
			g.Gone = append(g.Gone, f)
			counts.Fixed++
		case f.Suppressed != nil:
			found.Suppressed = append(found.Suppressed, f)
		case known && !blocks:
			g.Back = append(g.Back, f)
			counts.Existing++
		default:
			g.Front = append(g.Front, f)
			if blocks {
				counts.Blocking++
			}
			if known {
				counts.Existing++
			} else {
				counts.Introduced++
			}
		}
	}
	return found
}

// distinct remembers which advisories were seen, of which version, where.
type distinct map[distinctKey]bool

type distinctKey struct {
	place, name, installed, id string
	status                     finding.Status
	excused                    bool
}

// first says whether f is the first of its kind; what is no vulnerability always is.
func (d distinct) first(f *finding.Finding) bool {
	v := f.Vulnerability
	if v == nil {
		return true
	}
	k := distinctKey{name: v.Package, installed: v.Installed, id: v.ID, status: f.Status, excused: f.Suppressed != nil}
	if f.Location.Path != "" {
		k.place = Line(f.Location)
	}
	if d[k] {
		return false
	}
	d[k] = true
	return true
}

// Gone are the findings of every kind that were there before.
func (f *Found) Gone() []finding.Finding {
	return slices.Concat(f.Secrets.Gone, f.Problems.Gone, f.Vulnerable.Gone)
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

// Severities is "2 critical, 5 high", of different findings as in Counts.
func Severities(findings []finding.Finding) string {
	var t tally
	seen := distinct{}
	for i := range findings {
		if seen.first(&findings[i]) {
			t.add(findings[i].Severity, 1)
		}
	}
	return t.String()
}

// Distinct is how many different findings there are, as in Counts.
func Distinct(findings []finding.Finding) int {
	seen, n := distinct{}, 0
	for i := range findings {
		if seen.first(&findings[i]) {
			n++
		}
	}
	return n
}
