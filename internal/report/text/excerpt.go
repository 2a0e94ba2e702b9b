package text

import (
	"strings"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
)

// tabStop is how far apart tab stops are in excerpts; four keeps deeply indented
// manifests inside the window.
const tabStop = 4

// cell is what a reader sees as one character, and how many columns it takes.
type cell struct {
	text  string
	width int
	mark  bool
}

// excerpt draws a source line and, below it, carets under the columns of loc. It
// fits into width cells: of a longer line a window around the mark is shown. The
// marks are empty when loc has no column inside the line.
func excerpt(source string, loc finding.Location, width int) (text, marks string) {
	cells := layout(source, loc)
	from, to := window(cells, width)
	var line, under strings.Builder
	if from > 0 {
		line.WriteString("…")
		under.WriteByte(' ')
	}
	for _, c := range cells[from:to] {
		line.WriteString(c.text)
		mark := " "
		if c.mark {
			mark = "^"
		}
		under.WriteString(strings.Repeat(mark, c.width))
	}
	if to < len(cells) {
		line.WriteString("…")
	}
	return strings.TrimRight(line.String(), " "), strings.TrimRight(under.String(), " ")
}

// layout splits a line into cells and marks those that loc covers. Columns count
// code points (finding.Location); a cell that is covered in part is marked whole.
func layout(source string, loc finding.Location) []cell {
	first, last := loc.Column, loc.EndColumn // last is exclusive
	if loc.EndLine > loc.Line {
		last = utf8.RuneCountInString(source) + 1
	}
	last = max(last, first+1)
	cells := make([]cell, 0, len(source)+1)
	column, at := 1, 0
	for g := graphemes.FromString(source); g.Next(); {
		value := g.Value()
		next := column + utf8.RuneCountInString(value)
		c := cell{text: printable.Text(value), mark: first > 0 && column < last && next > first}
		if value == "\t" {
			c.text = strings.Repeat(" ", tabStop-at%tabStop)
		}
		c.width = printable.Width(c.text)
		cells = append(cells, c)
		column, at = next, at+c.width
	}
	if first == column { // the place just after the line, where something is missing
		cells = append(cells, cell{text: " ", width: 1, mark: true})
	}
	return cells
}

// window returns the half-open range of cells to show within width, a column on
// either side kept for "…". It begins a third of the width before the mark.
func window(cells []cell, width int) (from, to int) {
	total, first, before := 0, -1, 0
	for i, c := range cells {
		if c.mark && first < 0 {
			first, before = i, total
		}
		total += c.width
	}
	if total <= width {
		return 0, len(cells)
	}
	room := max(width-2, 1)
	if first >= 0 && before > room*2/3 {
		from = first
		for lead := room / 3; from > 0 && lead >= cells[from-1].width; from-- {
			lead -= cells[from-1].width
		}
	}
	for to = from; to < len(cells) && room >= cells[to].width; to++ {
		room -= cells[to].width
	}
	return from, max(to, min(from+1, len(cells)))
}
