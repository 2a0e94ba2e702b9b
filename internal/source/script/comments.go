package script

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// comments collects the comments that excuse something, and what they cover.
func (r *reader) comments(file *syntax.File) {
	var marked []*syntax.Comment
	lasts := map[int]int{}  // the last line of the statement that begins on a line
	firsts := map[int]int{} // the first line of the simple statement that ends on a line
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Comment:
			if source.Marked(n.Text) {
				marked = append(marked, n)
			}
		case *syntax.Stmt:
			at := r.node(n)
			for _, redirect := range n.Redirs {
				if redirect.Hdoc != nil {
					at.EndLine = max(at.EndLine, r.node(redirect.Hdoc).EndLine)
				}
			}
			lasts[at.Line] = max(lasts[at.Line], at.EndLine)
			switch n.Cmd.(type) {
			case *syntax.CallExpr, *syntax.DeclClause, *syntax.BinaryCmd:
				if first, ok := firsts[at.EndLine]; !ok || at.Line < first {
					firsts[at.EndLine] = at.Line
				}
			}
		}
		return true
	})
	slices.SortFunc(marked, func(a, b *syntax.Comment) int { return int(a.Pos().Offset()) - int(b.Pos().Offset()) })
	below := lines{source: r.source}
	for _, m := range slices.Backward(marked) {
		at := r.node(m)
		c := source.Comment{Text: strings.TrimSpace(m.Text), At: at}
		line, _ := r.source.Line(at.Line)
		before := strings.TrimSpace(line[:max(0, r.source.Offset(at.Line, at.Column)-r.source.LineStart(at.Line))])
		if first, ok := firsts[at.Line]; ok && before != "" {
			c.From, c.To = first, at.Line
		} else if before != "" {
			c.From, c.To = at.Line, at.Line
		} else {
			c.From = below.of(at.Line)
			c.To = max(c.From, lasts[c.From])
		}
		r.script.Comments = append(r.script.Comments, c)
	}
	slices.Reverse(r.script.Comments)
}

// lines finds what stands below comments, asked about from the last one up.
type lines struct {
	source      *source.File
	from, below int // the line that was asked about last, and the answer
}

// of returns the first line under line that is neither empty nor a comment, 0 when
// there is none.
func (l *lines) of(line int) int {
	found := l.below
	for n := line + 1; n <= l.source.Lines() && n != l.from; n++ {
		text, _ := l.source.Line(n)
		if body := strings.TrimSpace(text); body != "" && body[0] != '#' {
			found = n
			break
		}
	}
	l.from, l.below = line, found
	return found
}
