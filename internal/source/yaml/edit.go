package yaml

import (
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// Edits change the bytes that they must and none beside. They are refused wherever
// the text around does not say for certain what a change of it would mean: in flow
// style ("{…}"), behind anchors, aliases and merge keys, where a value is part of
// several, and in what a tool made.

// Insert returns the edit that adds keys to a mapping. Each line is written as at the
// left edge of the mapping: "init: true", or "securityContext:" and "  runAsUser: 1".
// They stand behind the first keys that have their values on their own lines, or
// directly below the key of the mapping.
func (n Node) Insert(lines ...string) ([]finding.Edit, bool) {
	if !n.block() {
		return nil, false
	}
	line := n.afterScalars()
	if line == 0 {
		return nil, false
	}
	indent := strings.Repeat(" ", n.yaml.Content[0].Column-1)
	ending := n.src.Ending(line)
	var b strings.Builder
	for _, text := range lines {
		b.WriteString(indent + text + ending)
	}
	at, text := n.src.LineStart(line+1), b.String()
	if line == n.src.Lines() { // which has no ending
		text = ending + strings.TrimSuffix(text, ending)
	}
	return []finding.Edit{{Start: at, End: at, New: text}}, true
}

// Remove returns the edit that takes a key and its value out of a mapping, both of
// which stand on one line, with what else stands there.
func (n Node) Remove(key string) ([]finding.Edit, bool) {
	if !n.block() || len(n.yaml.Content) < 4 { // without any key it would be null
		return nil, false
	}
	for i := 0; i+1 < len(n.yaml.Content); i += 2 {
		if n.yaml.Content[i].Value == "<<" { // what is merged may have the key, too
			return nil, false
		}
	}
	for i := 0; i+1 < len(n.yaml.Content); i += 2 {
		name, value := n.yaml.Content[i], n.yaml.Content[i+1]
		if name.Value != key {
			continue
		}
		if !n.oneLine(name, value) || !n.first(name) {
			return nil, false
		}
		line := name.Line
		start, end := n.src.LineStart(line), n.src.LineStart(line+1)
		blank := func(line int) bool {
			text, ok := n.src.Line(line)
			return !ok || strings.TrimSpace(text) == ""
		}
		if line < n.src.Lines()-1 && blank(line+1) && blank(line-1) {
			end = n.src.LineStart(line + 2)
		}
		return []finding.Edit{{Start: start, End: end}}, true
	}
	return nil, false
}

// Splice returns the edit that replaces the bytes [from, to) of a scalar's text,
// which stands in the file as it is read. The caller vouches that the new text means
// nothing else in the style of the scalar.
func (n Node) Splice(from, to int, text string) ([]finding.Edit, bool) {
	if n.shared || n.yaml == nil || n.yaml.Anchor != "" || n.src.Rendered() || !n.Literal() || from < 0 || to < from || to > len(n.yaml.Value) ||
		strings.Contains(n.yaml.Value, "\n") {
		return nil, false
	}
	start, end := n.span()
	start += strings.Index(n.src.Text[start:end], n.yaml.Value)
	return []finding.Edit{{Start: start + from, End: start + to, New: text}}, true
}

// block says that the value is a mapping in block style which is part of nothing else.
func (n Node) block() bool {
	y := n.yaml
	return y != nil && y.Kind == yaml.MappingNode && y.Style&yaml.FlowStyle == 0 && y.Anchor == "" && n.Tag() == "" &&
		!n.shared && !n.src.Rendered() && len(y.Content) >= 2
}

// afterScalars returns the line that new keys may follow, 0 for none.
func (n Node) afterScalars() int {
	content, line := n.yaml.Content, 0
	for i := 0; i+1 < len(content); i += 2 {
		if !n.oneLine(content[i], content[i+1]) || line != 0 && content[i].Line != line+1 {
			break
		}
		line = content[i].Line
	}
	if line != 0 {
		return line
	}
	if n.first(content[0]) {
		return n.keyLine()
	}
	for i := 2; i+1 < len(content); i += 2 { // the first key stands behind a dash
		if n.oneLine(content[i], content[i+1]) {
			return content[i].Line
		}
	}
	return 0
}

// keyLine returns the line of the key whose value the mapping is, 0 for none.
func (n Node) keyLine() int {
	for line := n.yaml.Content[0].Line - 1; line > 0; line-- {
		text, _ := n.src.Line(line)
		body := strings.TrimSpace(text)
		if body == "" || body[0] == '#' {
			continue
		}
		if i := strings.Index(body, " #"); i >= 0 {
			body = strings.TrimSpace(body[:i])
		}
		if !strings.HasSuffix(body, ":") || strings.HasPrefix(body, "? ") {
			return 0
		}
		return line
	}
	return 0
}

// first says that nothing but spaces stands before a key on its line.
func (n Node) first(key *yaml.Node) bool {
	start := n.src.LineStart(key.Line)
	return strings.Trim(n.src.Text[start:n.src.Offset(key.Line, key.Column)], " ") == ""
}

// oneLine says that a key and its value are scalars and alone on their line but for
// a comment.
func (n Node) oneLine(key, value *yaml.Node) bool {
	if key.Kind != yaml.ScalarNode || value.Kind != yaml.ScalarNode || key.Line != value.Line || key.Value == "<<" ||
		value.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 || key.Anchor != "" || value.Anchor != "" || value.Value == "" && value.Style == 0 {
		return false
	}
	begin, end := Node{src: n.src, yaml: value}.span()
	if last, _ := n.src.Position(end); last != key.Line || value.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0 && n.src.Text[begin:end] != value.Value {
		return false
	}
	line, _ := n.src.Line(key.Line)
	start := n.src.LineStart(key.Line)
	if strings.ContainsFunc(line, func(r rune) bool { return r != '\t' && unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }) {
		return false // YAML sees a line end here, or none of this is what it seems
	}
	rest := strings.TrimLeft(line[end-start:], " \t")
	return rest == "" || rest[0] == '#' && len(rest) < len(line)-(end-start)
}
