package yaml

import (
	"slices"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// collectComments finds the comments that hold an excuse, and what they cover: at
// the end of a line that line; above a list item or the first key of a document
// all of it; above any other key that key's value.
func (f *File) collectComments() {
	src := f.Source
	if !source.MayExcuse(src.Text) {
		return
	}
	inside, ends := f.quoted(), f.ends()
	next := 0 // the first line below that holds a value
	for n := src.Lines(); n >= 1; n-- {
		line, _ := src.Line(n)
		below := next
		if body := strings.TrimSpace(line); body != "" && body[0] != '#' && body != "---" && !strings.HasPrefix(body, "--- ") {
			next = n
		}
		if !source.MayExcuse(line) {
			continue
		}
		for i := range line {
			if line[i] != '#' || i > 0 && line[i-1] != ' ' && line[i-1] != '\t' || !source.Marked(line[i:]) {
				continue
			}
			start := src.LineStart(n) + i
			if inside(start) {
				continue
			}
			c := source.Comment{
				Text: strings.TrimSpace(line[i+1:]),
				At:   src.Span(start, start+len(strings.TrimRight(line[i:], " \t"))),
			}
			if strings.TrimSpace(line[:i]) != "" {
				c.From, c.To = n, n
			} else {
				c.From, c.To = below, max(below, ends[below])
			}
			f.comments = append(f.comments, c)
			break
		}
	}
	slices.Reverse(f.comments)
}

// quoted returns a test whether an offset lies inside a scalar, where a "#"
// begins no comment.
func (f *File) quoted() func(offset int) bool {
	type span struct{ start, end int }
	var spans []span
	f.each(func(n *yaml.Node) {
		if n.Kind == yaml.ScalarNode && n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			start, end := Node{src: f.Source, yaml: n}.span()
			if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
				start = f.Source.LineStart(n.Line + 1) // the header may bear a comment
			}
			spans = append(spans, span{start, end})
		}
	})
	return func(offset int) bool {
		i := sort.Search(len(spans), func(i int) bool { return spans[i].start > offset })
		return i > 0 && offset < spans[i-1].end
	}
}

func (f *File) each(visit func(*yaml.Node)) {
	var walk func(*yaml.Node)
	walk = func(n *yaml.Node) {
		visit(n)
		for _, child := range n.Content {
			walk(child)
		}
	}
	for _, document := range f.roots {
		walk(document)
	}
}

// ends maps each line on which a value begins to the last line that a comment
// above it covers.
func (f *File) ends() map[int]int {
	ends := map[int]int{}
	take := func(line, last int) { ends[line] = max(ends[line], last) }
	var walk func(n *yaml.Node) (last int)
	walk = func(n *yaml.Node) int {
		last := n.Line
		if n.Kind == yaml.ScalarNode {
			_, end := Node{src: f.Source, yaml: n}.span()
			line, column := f.Source.Position(end)
			if column == 1 && line > last {
				line--
			}
			return max(last, line)
		}
		for i, child := range n.Content {
			end := walk(child)
			last = max(last, end)
			switch {
			case n.Kind == yaml.SequenceNode:
				take(child.Line, end)
			case n.Kind == yaml.MappingNode && i%2 == 1:
				take(n.Content[i-1].Line, end)
			case n.Kind == yaml.DocumentNode && child.Kind == yaml.MappingNode:
				take(child.Line, end)
			}
		}
		return last
	}
	for _, document := range f.roots {
		walk(document)
	}
	return ends
}
