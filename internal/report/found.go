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
}

// Group is one kind of findings.
type Group struct {
	// Front is what the reader should see: what blocks, what the change introduced and
	// what was not compared.
	Front []finding.Finding
	// Back was there before the change, or was disclosed since, and does not block.
	Back []finding.Finding
	// Fixed was there before and is gone.
	Fixed []finding.Finding
	// Blocking counts those of Front that make the verdict fail, and Known those of
	// Front that were there before the change and block all the same (a release).
	Blocking, Known int
}

// Introduced counts what the change brought, and what was not compared with it.
func (g *Group) Introduced() int { return len(g.Front) - g.Known }

// Existing counts what was there before the change, disclosed since or not.
func (g *Group) Existing() int { return len(g.Back) + g.Known }

// Split sorts the findings of r. What blocks is asked of the policy itself.
func Split(r verdict.Result) Found {
	all := slices.Clone(r.Findings)
	finding.Sort(all)
	decides := deciding(r.Policy)
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
		switch {
		case f.Status == finding.Fixed:
			g.Fixed = append(g.Fixed, f)
		case f.Suppressed != nil:
			found.Suppressed = append(found.Suppressed, f)
		case known && !blocks:
			g.Back = append(g.Back, f)
		default:
			g.Front = append(g.Front, f)
			if blocks {
				g.Blocking++
			}
			if known {
				g.Known++
			}
		}
	}
	return found
}

// Fixed are the findings of every kind that are gone since what was compared with.
func (f *Found) Fixed() []finding.Finding {
	return slices.Concat(f.Secrets.Fixed, f.Problems.Fixed, f.Vulnerable.Fixed)
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

// Severities is "2 critical, 5 high".
func Severities(findings []finding.Finding) string {
	var t tally
	for _, f := range findings {
		t.add(f.Severity, 1)
	}
	return t.String()
}
