package helm

import (
	"errors"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// file is one template as it was written.
type file struct {
	name string       // as Helm calls it: "web/templates/deployment.yaml"
	text string       // as it is parsed
	src  *source.File // nil when it lies in an archive
}

// mark is an action of a template: what stands between "{{" and "}}".
type mark struct {
	file       *file
	start, end int // bytes of the file's text
	depth      int // +1 where the body of a template begins, -1 where it ends
}

// literal is a stretch of text in a template.
type literal struct {
	file *file
	pos  int
}

// marks tell by the address of what is written where it stands. The executor of
// text/template writes a text node's own bytes; before each action stands an empty
// node of ours, which changes nothing of the output and says what comes next. So
// the output is exactly Helm's, and no sentinel has to be taken out of it.
type marks struct {
	literals map[*byte]literal
	actions  map[*byte]mark
	done     map[*parse.Tree]bool
}

func newMarks() *marks {
	return &marks{literals: map[*byte]literal{}, actions: map[*byte]mark{}, done: map[*parse.Tree]bool{}}
}

// set marks all templates that are not yet. Those whose file is not among files
// (the text was made by a template) get ticks only: something is written in each
// turn of a loop, so that it can be ended.
func (m *marks) set(t *template.Template, files map[string]*file) {
	for _, one := range t.Templates() {
		if one.Tree == nil || one.Root == nil || m.done[one.Tree] {
			continue
		}
		m.done[one.Tree] = true
		f := files[one.ParseName]
		m.list(f, one.Root)
		one.Root.Nodes = slices.Concat([]parse.Node{m.node(mark{depth: 1})}, one.Root.Nodes, []parse.Node{m.node(mark{depth: -1})})
	}
}

// node is an empty text whose address is its meaning.
func (m *marks) node(action mark) *parse.TextNode {
	text := make([]byte, 0, 1)
	m.actions[&text[:1][0]] = action
	return &parse.TextNode{NodeType: parse.NodeText, Text: text}
}

func (m *marks) list(f *file, list *parse.ListNode) {
	if list == nil {
		return
	}
	nodes := make([]parse.Node, 0, 2*len(list.Nodes)+1)
	nodes = append(nodes, m.node(mark{}))
	for _, n := range list.Nodes {
		switch n := n.(type) {
		case *parse.TextNode:
			if f != nil && len(n.Text) > 0 {
				m.literals[&n.Text[0]] = literal{f, int(n.Pos)}
			}
		case *parse.ActionNode:
			nodes = append(nodes, m.action(f, int(n.Pos)))
		case *parse.TemplateNode:
			nodes = append(nodes, m.action(f, int(n.Pos)))
		case *parse.IfNode:
			m.list(f, n.List)
			m.list(f, n.ElseList)
		case *parse.WithNode:
			m.list(f, n.List)
			m.list(f, n.ElseList)
		case *parse.RangeNode:
			m.list(f, n.List)
			m.list(f, n.ElseList)
		}
		nodes = append(nodes, n)
	}
	list.Nodes = nodes
}

// action marks the action around pos.
func (m *marks) action(f *file, pos int) *parse.TextNode {
	if f == nil {
		return m.node(mark{})
	}
	pos = min(pos, len(f.text))
	start := max(0, strings.LastIndex(f.text[:pos], "{{"))
	return m.node(mark{file: f, start: start, end: actionEnd(f.text, start+2)})
}

// actionEnd returns where the action ends whose inside begins at pos.
func actionEnd(text string, pos int) int {
	for i := pos; i < len(text); i++ {
		switch c := text[i]; {
		case c == '}' && strings.HasPrefix(text[i:], "}}"):
			return i + 2
		case c == '`' || c == '"' || c == '\'':
			for i++; i < len(text) && text[i] != c; i++ {
				if text[i] == '\\' && c != '`' {
					i++
				}
			}
		}
	}
	return len(text)
}

var (
	errTooLong  = errors.New("renders to more than the limit; render less of it, or skip it")
	errTooDeep  = errors.New("includes itself without end; mend the template")
	errTooSlow  = errors.New("takes longer to render than the limit; mend its loops, or skip it")
	errTooLarge = errors.New("makes a value above the limit; mend the template")
)
