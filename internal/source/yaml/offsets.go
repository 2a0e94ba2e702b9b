package yaml

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// Offsets returns, for each byte of a scalar's text, the offset in the file that it
// stands at: indentation and folded line ends are not part of the text. It is nil
// where the text is not written as it is read: with escapes, say, and for null, which
// has none.
func (n Node) Offsets() []int {
	if n.yaml == nil || n.yaml.Kind != yaml.ScalarNode || n.yaml.Tag == "!!null" {
		return nil
	}
	value := n.yaml.Value
	raw, at := n.raw()
	offsets := make([]int, 0, len(value))
	i := 0
	for j := range len(value) {
		// A line end that folding drops stands only in the file.
		for i < len(raw) && raw[i] == '\n' && value[j] != '\n' && value[j] != ' ' {
			i++
		}
		if i == len(raw) || raw[i] != value[j] && (raw[i] != '\n' || value[j] != ' ') {
			return nil
		}
		offsets = append(offsets, at[i])
		i++
	}
	return offsets
}

// raw returns the lines of a scalar as they stand in the file without indentation
// and quotes, and where each byte of them stands.
func (n Node) raw() (text string, at []int) {
	src := n.src
	start, end := n.span()
	block := n.yaml.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0
	quoted := n.yaml.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0
	line, _ := src.Position(start)
	depth := 0
	switch {
	case block:
		line++
		start = min(src.LineStart(line), end)
		depth = n.depth(line)
	case quoted && end-start >= 2:
		start, end = start+1, end-1
	case n.yaml.Style&^yaml.TaggedStyle == 0:
		end = max(end, n.plainEnd(start))
	}
	var b strings.Builder
	for first := true; start < end; first = false {
		stop := min(end, src.LineStart(line+1))
		body := strings.TrimRight(src.Text[start:stop], "\r\n")
		more := len(body) < stop-start
		skip := 0
		switch {
		case block:
			skip = min(depth, len(body)-len(strings.TrimLeft(body, " ")))
		case !first:
			skip = len(body) - len(strings.TrimLeft(body, " \t"))
		}
		if !block && more {
			body = strings.TrimRight(body, " \t")
		}
		skip = min(skip, len(body))
		for i := skip; i < len(body); i++ {
			at = append(at, start+i)
		}
		b.WriteString(body[skip:])
		if more {
			b.WriteByte('\n')
			at = append(at, start+len(body))
		}
		line++
		start = stop
	}
	return b.String(), at
}

// depth is how far the lines of a block scalar are indented, the first of which is line.
func (n Node) depth(line int) int {
	header, _ := n.src.Line(line - 1)
	for ; line <= n.src.Lines(); line++ {
		text, _ := n.src.Line(line)
		if strings.TrimSpace(text) != "" {
			depth := indent(text)
			// "|2" says it where the text itself begins with spaces, which it then keeps.
			return max(0, depth-n.kept(header))
		}
	}
	return 0
}

// kept counts the spaces that a block scalar with an indentation indicator keeps at
// the beginning of its first line that is not empty.
func (n Node) kept(header string) int {
	at := strings.LastIndexAny(header, "|>")
	if at < 0 || !strings.ContainsAny(header[at:], "123456789") {
		return 0
	}
	first := strings.TrimLeft(n.yaml.Value, "\n")
	return indent(first)
}

// plainEnd returns where a plain scalar that may go on over lines ends: as far as
// its words are found one behind the other.
func (n Node) plainEnd(start int) int {
	at := start
	for word := range strings.FieldsSeq(n.yaml.Value) {
		rest := n.src.Text[at:]
		trimmed := strings.TrimLeft(rest, " \t\r\n")
		if !strings.HasPrefix(trimmed, word) {
			return at
		}
		at += len(rest) - len(trimmed) + len(word)
	}
	return at
}
