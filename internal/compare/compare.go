// Package compare tells what a change introduced from what was there before. It
// is pure: findings in, the same findings with a status out. Nothing is dropped
// and nothing is judged; policy decides what a status means.
package compare

import (
	"cmp"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// Result is what a comparison came to.
type Result struct {
	// Findings are the head's, in its order, each with a status.
	Findings []finding.Finding
	// Fixed are the base's that the head no longer has, in the base's order.
	Fixed []finding.Finding
	// How says in a few words how it was compared, for verdict.Compared.
	How string
}

// Sources compares what lint found in the head with what it found in the base,
// both under the same settings. Findings that are alike (finding.Fingerprints) are
// paired one to one: inside one file before across files, so that moved lines,
// re-indented files and renamed manifests stay Existing. Of several that are alike
// in one file the first ones are taken for the old ones.
func Sources(head, base []finding.Finding) Result {
	return compared(head, base, path, suppressed)
}

// FirstRun marks every finding as Existing: where there is nothing to compare
// with and nothing may be blamed (interface.md, push to the default branch with
// no digest published yet).
func FirstRun(head []finding.Finding) Result {
	r := Result{Findings: slices.Clone(head), How: "first run: there was nothing to compare with"}
	for i := range r.Findings {
		r.Findings[i].Status = finding.Existing
	}
	return r
}

func compared(head, base []finding.Finding, nearness ...func(*finding.Finding) string) Result {
	r := Result{Findings: slices.Clone(head)}
	partners, taken := pair(head, base, nearness...)
	for i, partner := range partners {
		r.Findings[i].Status = finding.Introduced
		if partner >= 0 {
			r.Findings[i].Status = finding.Existing
		}
	}
	for i := range base {
		if !taken[i] {
			gone := base[i]
			gone.Status = finding.Fixed
			r.Fixed = append(r.Fixed, gone)
		}
	}
	return r
}

// alike are the findings of both sides that have one identity.
type alike struct{ head, base []int }

// pair gives each finding of the head its partner in the base, or -1, and says
// which of the base have one. Findings
// that have the same identity are paired with those that are near in every way
// first, then in all but the last, and in the end with any. It does not depend on
// the order of either side.
func pair(head, base []finding.Finding, nearness ...func(*finding.Finding) string) (partners []int, taken []bool) {
	groups := map[string]*alike{}
	group := func(f *finding.Finding) *alike {
		id := identity(f)
		if groups[id] == nil {
			groups[id] = &alike{}
		}
		return groups[id]
	}
	for i := range head {
		g := group(&head[i])
		g.head = append(g.head, i)
	}
	for i := range base {
		g := group(&base[i])
		g.base = append(g.base, i)
	}
	partners = make([]int, len(head))
	for i := range partners {
		partners[i] = -1
	}
	taken = make([]bool, len(base))
	for _, g := range groups {
		slices.SortStableFunc(g.head, func(a, b int) int { return order(&head[a], &head[b]) })
		slices.SortStableFunc(g.base, func(a, b int) int { return order(&base[a], &base[b]) })
		for n := len(nearness); n >= 0; n-- {
			near := func(f *finding.Finding) string {
				var parts []string
				for _, part := range nearness[:n] {
					parts = append(parts, part(f))
				}
				return strings.Join(parts, "\x00")
			}
			waiting := map[string][]int{}
			for _, i := range g.base {
				key := near(&base[i])
				waiting[key] = append(waiting[key], i)
			}
			var unpaired []int
			for _, i := range g.head {
				key := near(&head[i])
				if len(waiting[key]) == 0 {
					unpaired = append(unpaired, i)
					continue
				}
				partners[i] = waiting[key][0]
				taken[partners[i]] = true
				waiting[key] = waiting[key][1:]
			}
			g.head = unpaired
			g.base = slices.DeleteFunc(g.base, func(i int) bool { return taken[i] })
		}
	}
	return partners, taken
}

// identity is the fingerprint without its ordinal: findings that are alike share
// it, and are told apart by where they stand.
func identity(f *finding.Finding) string { return finding.Fingerprints([]finding.Finding{*f})[0] }

func path(f *finding.Finding) string {
	if f.Vulnerability != nil {
		return f.Vulnerability.FilePath
	}
	return f.Location.Path
}

func suppressed(f *finding.Finding) string {
	if f.Suppressed == nil {
		return ""
	}
	return "suppressed"
}

func reason(f *finding.Finding) string {
	if f.Suppressed == nil {
		return ""
	}
	return f.Suppressed.Reason
}

// order is that of finding.Sort among findings that are alike.
func order(a, b *finding.Finding) int {
	return cmp.Or(
		cmp.Compare(path(a), path(b)),
		cmp.Compare(a.Location.Path, b.Location.Path),
		cmp.Compare(a.Location.Line, b.Location.Line),
		cmp.Compare(a.Location.Column, b.Location.Column),
		cmp.Compare(a.Location.Artifact, b.Location.Artifact),
		cmp.Compare(a.Layer, b.Layer),
		cmp.Compare(a.Message, b.Message),
		cmp.Compare(reason(a), reason(b)),
	)
}
