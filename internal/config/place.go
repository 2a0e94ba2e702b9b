package config

import (
	"fmt"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Place is where something of a settings file stands.
type Place struct {
	File string // slash-separated
	// Line and Column are one-based; Column is 0 where it cannot be told.
	Line, Column int
}

// String is FILE:LINE, and :COLUMN where that is known.
func (p Place) String() string {
	if p.Column == 0 {
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Within is the place of a line and column, one-based, of a text that begins at p.
func (p Place) Within(line, column int) Place {
	if p.Column == 0 || line < 1 {
		return Place{File: p.File, Line: p.Line}
	}
	return Place{File: p.File, Line: p.Line + line - 1, Column: p.Column + column - 1}
}

// document is a settings file while it is read.
type document struct {
	path  string
	lines []string
}

func newDocument(path string, data []byte) document {
	return document{path, strings.Split(string(data), "\n")}
}

func (d document) at(n *yaml.Node) string { return fmt.Sprintf("%s:%d", d.path, n.Line) }

// place is where the text of a scalar begins, for Place.Within. Lines that YAML folds
// are not told apart: of those only the first line is known.
func (d document) place(n *yaml.Node) Place {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	p := Place{File: filepath.ToSlash(d.path), Line: n.Line}
	switch {
	case n.Kind != yaml.ScalarNode || n.Anchor != "" || n.Style&yaml.FoldedStyle != 0:
	case n.Style&yaml.LiteralStyle != 0:
		p.Line++
		p.Column = d.indent(p.Line) + 1
	default:
		column := n.Column
		if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
			column++
		}
		// What is escaped, tagged or goes over several lines stands elsewhere.
		if line := []rune(d.line(n.Line)); column <= len(line) && strings.HasPrefix(string(line[column-1:]), n.Value) {
			p.Column = column
		}
	}
	return p
}

func (d document) line(n int) string {
	if n < 1 || n > len(d.lines) {
		return ""
	}
	return d.lines[n-1]
}

// indent is how far a line is indented, or the first below it that is not empty.
func (d document) indent(n int) int {
	for ; n <= len(d.lines); n++ {
		line := d.line(n)
		if trimmed := strings.TrimLeft(line, " "); strings.TrimSpace(trimmed) != "" {
			return len(line) - len(trimmed)
		}
	}
	return 0
}
