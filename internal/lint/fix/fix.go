// Package fix turns the fixes of findings into new texts: the edits and nothing else
// changes, and what the text means changes only where an edit was made. It is pure;
// source.Tree.Replace writes.
package fix

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
)

// Change is what the fixes of one file come to.
type Change struct {
	Source lint.Source
	// Text is the new text, without a byte order mark; the old one where nothing could
	// be mended.
	Text string
	// Mended are the findings whose fixes are in Text.
	Mended []finding.Finding
	Left   []Left
}

// Left is a finding whose fix is not made, and why.
type Left struct {
	Finding finding.Finding
	Why     string
}

// Why a fix is left.
const (
	WhyOverlaps = "another fix changes the same place; run again"
	WhyUnsure   = "it would change more than it says; please report this"
)

// Safe says that --fix may make the fix of a finding: it is safe, it has edits, and
// nobody excused the finding.
func Safe(f *finding.Finding) bool {
	return f.Fix != nil && f.Fix.Class == finding.Safe && len(f.Fix.Edits) > 0 && f.Suppressed == nil
}

// Changes makes the safe fixes of findings, file by file, in the order of their
// paths. Sources are what the findings were told of.
func Changes(findings []finding.Finding, sources map[string]lint.Source) []Change {
	byPath := map[string][]finding.Finding{}
	for _, f := range findings {
		if Safe(&f) {
			byPath[f.Location.Path] = append(byPath[f.Location.Path], f)
		}
	}
	var changes []Change
	for _, path := range slices.Sorted(maps.Keys(byPath)) {
		if src, ok := sources[path]; ok && !src.Rendered() {
			changes = append(changes, change(src, byPath[path]))
		}
	}
	return changes
}

func change(src lint.Source, findings []finding.Finding) Change {
	c := Change{Source: src, Text: src.Text}
	chosen := choose(&c, findings)
	text := apply(src.Text, chosen)
	if !same(src, text, chosen) {
		for _, f := range c.Mended {
			c.Left = append(c.Left, Left{f, WhyUnsure})
		}
		c.Mended = nil
		return c
	}
	c.Text = text
	return c
}

// choose picks the fixes whose edits touch no others, the first in the file first,
// and returns the edits of those in order.
func choose(c *Change, findings []finding.Finding) []finding.Edit {
	type fix struct {
		finding finding.Finding
		edits   []finding.Edit
	}
	fixes := make([]fix, len(findings))
	for i, f := range findings {
		fixes[i] = fix{f, slices.SortedStableFunc(slices.Values(f.Fix.Edits), order)}
	}
	slices.SortStableFunc(fixes, func(a, b fix) int { return slices.CompareFunc(a.edits, b.edits, order) })
	taken := &edits{}
	var last []finding.Edit
	for _, x := range fixes {
		switch {
		case !sound(c.Source.Text, x.edits):
			c.Left = append(c.Left, Left{x.finding, WhyUnsure})
		case slices.Equal(x.edits, last): // two findings with one cause
			c.Mended = append(c.Mended, x.finding)
		case !taken.add(x.edits):
			c.Left = append(c.Left, Left{x.finding, WhyOverlaps})
		default:
			last = x.edits
			c.Mended = append(c.Mended, x.finding)
		}
	}
	return taken.list
}

func order(a, b finding.Edit) int {
	return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End), cmp.Compare(a.New, b.New))
}

// sound says that edits in order lie in a text, between its characters, and apart.
func sound(text string, edits []finding.Edit) bool {
	border := func(i int) bool { return i == len(text) || utf8.RuneStart(text[i]) }
	for i, e := range edits {
		if e.Start < 0 || e.End < e.Start || e.End > len(text) || !border(e.Start) || !border(e.End) || !utf8.ValidString(e.New) ||
			i > 0 && touch(edits[i-1], e) {
			return false
		}
	}
	return true
}

// touch says of two edits in order that both change one place.
func touch(a, b finding.Edit) bool { return b.Start < a.End || a.Start == b.Start }

// edits are those of several fixes, in order and apart.
type edits struct{ list []finding.Edit }

// add takes all of some edits, or none where one touches what is there.
func (e *edits) add(more []finding.Edit) bool {
	places := make([]int, len(more))
	for i, m := range more {
		at, _ := slices.BinarySearchFunc(e.list, m, order)
		if at > 0 && touch(e.list[at-1], m) || at < len(e.list) && touch(m, e.list[at]) {
			return false
		}
		places[i] = at
	}
	for i, m := range more {
		e.list = slices.Insert(e.list, places[i]+i, m)
	}
	return true
}

// apply makes edits that are in order and apart.
func apply(text string, edits []finding.Edit) string {
	var b strings.Builder
	at := 0
	for _, e := range edits {
		b.WriteString(text[at:e.Start])
		b.WriteString(e.New)
		at = e.End
	}
	b.WriteString(text[at:])
	return b.String()
}
