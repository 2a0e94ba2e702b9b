package kustomize

import (
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

// table maps the values of a built text to where they come from.
type table struct {
	src     *source.File // the text
	entries map[[2]int]entry
	starts  []int // of entries, in order
	by      map[int]entry
	whole   finding.Location
}

// entry is the place of one value; text is the same there when it is exact.
type entry struct {
	start, end int
	at         finding.Location
	from       *source.File // where at is, nil when the text is another one there
}

func (t *table) add(n yaml.Node, at finding.Location, from *source.File) {
	own := n.At()
	e := entry{start: t.src.Offset(own.Line, own.Column), end: t.src.Offset(own.EndLine, own.EndColumn), at: at, from: from}
	t.entries[[2]int{e.start, e.end}] = e
	if _, known := t.by[e.start]; !known || n.IsScalar() {
		t.by[e.start] = e
	}
}

func (w *walk) add(n yaml.Node, at finding.Location, from *source.File) {
	if n.Exists() {
		w.table.add(n, at, from)
	}
}

func (t *table) sort() { t.starts = slices.Sorted(maps.Keys(t.by)) }

// place says where the bytes [start, end) of the built text come from.
func (t *table) place(start, end int) finding.Location {
	if e, ok := t.entries[[2]int{start, end}]; ok {
		return e.at
	}
	i := sort.SearchInts(t.starts, start+1) - 1
	if i < 0 {
		return t.whole
	}
	e := t.by[t.starts[i]]
	if e.start == start || e.from == nil || e.from.Rendered() || start >= e.end {
		return e.at
	}
	return t.part(e, start, end)
}

// part is the place of a part of a value: on the line of it that holds the same.
func (t *table) part(e entry, start, end int) finding.Location {
	first, _ := t.src.Position(e.start)
	line, _ := t.src.Position(start)
	text := t.src.Text[start:min(end, t.src.LineStart(line+1))]
	text = strings.TrimRight(text, "\r\n")
	n := e.at.Line + line - first
	there, ok := e.from.Line(n)
	if i := strings.Index(there, text); ok && i >= 0 && text != "" && n <= e.at.EndLine {
		at := e.from.LineStart(n) + i
		return e.from.Span(at, at+len(text))
	}
	return e.at
}
