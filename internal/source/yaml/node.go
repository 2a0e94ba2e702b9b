package yaml

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// Node is one value of a file with its place. The zero Node is an absent value:
// every method takes it.
type Node struct {
	src  *source.File
	yaml *yaml.Node
	// shared says that an anchor above makes the value part of others, too.
	shared bool
}

// Entry is one key and value of a mapping.
type Entry struct{ Key, Value Node }

// maxMerges bounds how many "<<" are followed for one look-up.
const maxMerges = 64

// maxLine bounds, in bytes, the place of a collection: a minified file is one
// line of megabytes.
const maxLine = 4 << 10

// value follows aliases.
func (n Node) value() *yaml.Node {
	y := n.yaml
	for y != nil && y.Kind == yaml.AliasNode {
		y = y.Alias
	}
	return y
}

// inner is a value inside n, where y is what n stands for.
func (n Node) inner(y, child *yaml.Node) Node {
	return Node{src: n.src, yaml: child, shared: n.shared || n.yaml.Kind == yaml.AliasNode || y.Anchor != ""}
}

// Exists says whether there is a value, null included.
func (n Node) Exists() bool { return n.yaml != nil }

// IsNull says whether the value is null or absent.
func (n Node) IsNull() bool {
	y := n.value()
	return y == nil || y.Kind == yaml.ScalarNode && y.Tag == "!!null"
}

// Tag returns the tag that a person gave the value ("!reset"), "" for YAML's own.
func (n Node) Tag() string {
	if n.yaml == nil || strings.HasPrefix(n.yaml.Tag, "!!") {
		return ""
	}
	return n.yaml.Tag
}

// IsMap says whether the value is a mapping.
func (n Node) IsMap() bool {
	y := n.value()
	return y != nil && y.Kind == yaml.MappingNode
}

// IsScalar says whether the value is one text, number, boolean or null.
func (n Node) IsScalar() bool {
	y := n.value()
	return y != nil && y.Kind == yaml.ScalarNode
}

// Type returns YAML's name for the type of a scalar: "str", "int", "float",
// "bool", "null"; of anything else "".
func (n Node) Type() string {
	y := n.value()
	if y == nil || y.Kind != yaml.ScalarNode {
		return ""
	}
	return strings.TrimPrefix(y.ShortTag(), "!!")
}

// Source is the file that the value stands in, nil for an absent one.
func (n Node) Source() *source.File { return n.src }

// Literal says that a scalar stands in the file as it is read: plain or between
// single quotes without an escape, so that a part of it has a place of its own.
func (n Node) Literal() bool {
	if n.yaml == nil || n.yaml.Kind != yaml.ScalarNode {
		return false
	}
	start, end := n.span()
	return strings.Contains(n.src.Text[start:end], n.yaml.Value)
}

// Part returns the place of the bytes [from, to) of a scalar's text, and all of
// the scalar where it does not stand in the file as it is read.
func (n Node) Part(from, to int) finding.Location {
	if n.yaml == nil || from < 0 || to < from || to > len(n.yaml.Value) || !n.Literal() {
		return n.At()
	}
	start, end := n.span()
	start += strings.Index(n.src.Text[start:end], n.yaml.Value)
	return n.src.Span(start+from, start+to)
}

// IsList says whether the value is a list.
func (n Node) IsList() bool {
	y := n.value()
	return y != nil && y.Kind == yaml.SequenceNode
}

// Get returns the value of a key, merged ones ("<<") included.
func (n Node) Get(key string) Node { return n.entry(key).Value }

// Key returns the key itself, for its place.
func (n Node) Key(key string) Node { return n.entry(key).Key }

func (n Node) entry(key string) Entry {
	budget := maxMerges
	return n.find(key, &budget)
}

func (n Node) find(key string, budget *int) Entry {
	y := n.value()
	if y == nil || y.Kind != yaml.MappingNode {
		return Entry{}
	}
	var merges []*yaml.Node
	for i := 0; i+1 < len(y.Content); i += 2 {
		switch y.Content[i].Value {
		case key:
			return Entry{n.inner(y, y.Content[i]), n.inner(y, y.Content[i+1])}
		case "<<":
			merges = append(merges, y.Content[i+1])
		}
	}
	for _, merge := range merges {
		sources := []*yaml.Node{merge}
		if list := (Node{yaml: merge}).value(); list.Kind == yaml.SequenceNode {
			sources = list.Content
		}
		for _, from := range sources {
			if *budget--; *budget < 0 {
				return Entry{}
			}
			if e := (Node{src: n.src, yaml: from, shared: true}).find(key, budget); e.Value.Exists() {
				return e
			}
		}
	}
	return Entry{}
}

// Entries lists the keys and values of a mapping in order, without merged ones.
func (n Node) Entries() []Entry {
	y := n.value()
	if y == nil || y.Kind != yaml.MappingNode {
		return nil
	}
	entries := make([]Entry, 0, len(y.Content)/2)
	for i := 0; i+1 < len(y.Content); i += 2 {
		entries = append(entries, Entry{n.inner(y, y.Content[i]), n.inner(y, y.Content[i+1])})
	}
	return entries
}

// Items lists the values of a list.
func (n Node) Items() []Node {
	y := n.value()
	if y == nil || y.Kind != yaml.SequenceNode {
		return nil
	}
	items := make([]Node, len(y.Content))
	for i, item := range y.Content {
		items[i] = n.inner(y, item)
	}
	return items
}

// Text returns a scalar as text, empty for null and anything else.
func (n Node) Text() string {
	if y := n.value(); y != nil && y.Kind == yaml.ScalarNode && y.Tag != "!!null" {
		return y.Value
	}
	return ""
}

// Bool returns a boolean and whether the value is one.
func (n Node) Bool() (value, ok bool) {
	y := n.value()
	if y == nil || y.Kind != yaml.ScalarNode || y.Tag != "!!bool" {
		return false, false
	}
	return strings.EqualFold(y.Value, "true"), true
}

// At returns the place of the value: of a scalar all of it, of a mapping or list
// its first line. The zero Location for an absent value.
func (n Node) At() finding.Location {
	if n.yaml == nil {
		return finding.Location{}
	}
	start, end := n.span()
	return n.src.Span(start, end)
}

// span returns the bytes of a scalar, or of the first line of a collection.
func (n Node) span() (start, end int) {
	src := n.src
	start = src.Offset(n.yaml.Line, n.yaml.Column)
	text := src.Text[start:]
	if n.yaml.Kind == yaml.ScalarNode {
		start, text = skipProperties(start, text)
		switch n.yaml.Style & (yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle) {
		case yaml.DoubleQuotedStyle:
			return start, start + quotedEnd(text, '"')
		case yaml.SingleQuotedStyle:
			return start, start + quotedEnd(text, '\'')
		case yaml.LiteralStyle, yaml.FoldedStyle:
			return start, src.Offset(n.blockEnd(src)+1, 1)
		default: // plain
			if strings.HasPrefix(text, n.yaml.Value) {
				return start, start + len(n.yaml.Value)
			}
		}
	}
	line, _, _ := strings.Cut(text[:min(len(text), maxLine)], "\n")
	line = strings.ToValidUTF8(line, "")
	if i := strings.Index(line, " #"); i >= 0 {
		line = line[:i]
	}
	return start, start + len(strings.TrimRight(line, " \t\r"))
}

// skipProperties passes over "&anchor" and "!tag" before a scalar.
func skipProperties(start int, text string) (int, string) {
	for len(text) > 0 && (text[0] == '&' || text[0] == '!') {
		n := strings.IndexAny(text, " \t\r\n")
		if n < 0 {
			break
		}
		n += len(text[n:]) - len(strings.TrimLeft(text[n:], " \t\r\n"))
		start, text = start+n, text[n:]
	}
	return start, text
}

// quotedEnd returns the length of a quoted scalar at the beginning of text.
func quotedEnd(text string, quote byte) int {
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quote == '"':
			i++
		case text[i] == quote && quote == '\'' && i+1 < len(text) && text[i+1] == quote:
			i++
		case text[i] == quote:
			return i + 1
		}
	}
	return len(text)
}

// blockEnd returns the last line of a block scalar: what follows its header and
// is empty or indented deeper than the line of the header.
func (n Node) blockEnd(src *source.File) int {
	header, _ := src.Line(n.yaml.Line)
	outer := indent(header)
	// "- key: |" and "- - |" are indented by what stands in front of the key.
	for rest := header[outer:]; strings.HasPrefix(rest, "- "); {
		trimmed := strings.TrimLeft(rest[1:], " ")
		if !strings.Contains(trimmed, ":") && !strings.HasPrefix(trimmed, "- ") {
			break
		}
		outer += len(rest) - len(trimmed)
		rest = trimmed
	}
	last := n.yaml.Line
	for line := last + 1; line <= src.Lines(); line++ {
		text, _ := src.Line(line)
		if strings.TrimSpace(text) == "" {
			continue
		}
		if indent(text) <= outer && (outer != 0 || n.yaml.Column != 1) {
			break
		}
		last = line
	}
	return last
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// Resolved follows aliases: the value as it stands where its anchor is.
func (n Node) Resolved() Node {
	return Node{src: n.src, yaml: n.value(), shared: n.shared || n.yaml != nil && n.yaml.Kind == yaml.AliasNode}
}
