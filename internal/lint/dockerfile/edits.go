package dockerfile

import (
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

// rewritten is the edit that writes another text for the words first to last of a
// command, refused where they do not stand in the file as they are read: the list of
// the JSON form has one place for all of its words.
func rewritten(f *dockerfile.File, first, last dockerfile.Argument, text string) ([]finding.Edit, bool) {
	for _, w := range []dockerfile.Argument{first, last} {
		if !w.Known || f.Source.Slice(w.At) != w.Text {
			return nil, false
		}
	}
	at := first.At
	at.EndLine, at.EndColumn = last.At.EndLine, last.At.EndColumn
	edit, ok := f.Source.Edit(at, text)
	return []finding.Edit{edit}, ok
}

// followed is the edit that puts a word behind another.
func followed(f *dockerfile.File, w dockerfile.Argument, text string) ([]finding.Edit, bool) {
	return rewritten(f, w, w, w.Text+" "+text)
}

// continued is the edit that lets a command run at the end of a RUN, when all that
// precedes it went well. It is refused where the shell may read the end otherwise.
func (l layer) continued(f *dockerfile.File, command string) ([]finding.Edit, bool) {
	text := f.Source.Slice(l.in.At)
	if l.in.Exec || len(l.in.Heredocs) > 0 || strings.ContainsAny(text, ";|`#") || strings.HasSuffix(text, "&") || strings.HasSuffix(text, string(f.Escape)) {
		return nil, false
	}
	joint := " && "
	if line, ok := f.Source.Line(l.in.At.EndLine); ok && l.in.At.EndLine > l.in.At.Line {
		joint = " " + string(f.Escape) + f.Source.Ending(l.in.At.Line) + line[:len(line)-len(strings.TrimLeft(line, " \t"))] + "&& "
	}
	at := l.in.At
	at.Line, at.Column = at.EndLine, at.EndColumn
	edit, ok := f.Source.Edit(at, joint+command)
	return []finding.Edit{edit}, ok
}
