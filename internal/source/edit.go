package source

import (
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// Ending returns how line n ends: "\r\n" or "\n". A last line without an ending
// gives that of the first line.
func (f *File) Ending(n int) string {
	end := f.LineStart(n + 1)
	if n >= f.Lines() {
		end = f.LineStart(2)
	}
	if strings.HasSuffix(f.Text[:end], "\r\n") {
		return "\r\n"
	}
	return "\n"
}

// Edit replaces what stands between the two ends of a place in this file. It is
// false for a place in another file and for a text that a tool made.
func (f *File) Edit(at finding.Location, text string) (finding.Edit, bool) {
	start, end := f.Offset(at.Line, at.Column), f.Offset(at.EndLine, at.EndColumn)
	return finding.Edit{Start: start, End: end, New: text}, at.Path == f.Path && !f.Rendered() && start <= end
}
