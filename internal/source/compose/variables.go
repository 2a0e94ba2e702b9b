package compose

import (
	"fmt"
	"strings"
)

// expansion is a text with its variables filled in.
type expansion struct {
	text string
	// known is false when a variable has no value here: the shell that starts the
	// project may give it one.
	known bool
	// variables says that there were any; fallback that the default of one stands in
	// the text.
	variables, fallback bool
}

// maxVariables bounds how deep defaults may hold variables.
const maxVariables = 16

// expand fills in variables as Compose does: $NAME, ${NAME}, the operators :- - :?
// ? :+ + behind a braced name, and $$ for a dollar. It fails on anything else
// behind a dollar, which Compose refuses too.
func expand(text string, lookup func(string) (string, bool)) (expansion, error) {
	return expandDepth(text, lookup, 0)
}

func expandDepth(text string, lookup func(string) (string, bool), depth int) (expansion, error) {
	out := expansion{known: true}
	if depth > maxVariables {
		return out, fmt.Errorf("nests variables deeper than %d levels; write the value out", maxVariables)
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '$')
		if i < 0 || i+1 == len(text) && depth > 0 {
			break
		}
		b.WriteString(text[:i])
		text = text[i:]
		if strings.HasPrefix(text, "$$") {
			b.WriteByte('$')
			text = text[2:]
			continue
		}
		body, rest, err := reference(text)
		if err != nil {
			return out, err
		}
		text = rest
		out.variables = true
		got, err := body.value(lookup, depth)
		if err != nil {
			return out, err
		}
		out.known = out.known && got.known
		out.fallback = out.fallback || got.fallback
		b.WriteString(got.text)
	}
	b.WriteString(text)
	out.text = b.String()
	return out, nil
}

// variable is one reference, taken apart.
type variable struct{ name, operator, operand string }

// reference reads the reference at the beginning of text.
func reference(text string) (v variable, rest string, err error) {
	malformed := func(end int) error {
		return fmt.Errorf("holds %q, which is no variable; write ${NAME}, or $$ for a dollar", text[:min(end, len(text))])
	}
	if !strings.HasPrefix(text, "${") {
		n := nameLength(text[1:])
		if n == 0 {
			return v, "", malformed(2)
		}
		return variable{name: text[1 : 1+n]}, text[1+n:], nil
	}
	end := closing(text)
	if end < 0 {
		return v, "", malformed(20)
	}
	inner := text[2:end]
	n := nameLength(inner)
	v = variable{name: inner[:n]}
	rest = text[end+1:]
	if n == 0 {
		return v, "", malformed(end + 1)
	}
	switch tail := inner[n:]; {
	case tail == "":
	case len(tail) >= 2 && tail[0] == ':' && strings.IndexByte("-?+", tail[1]) >= 0:
		v.operator, v.operand = tail[:2], tail[2:]
	case strings.IndexByte("-?+", tail[0]) >= 0:
		v.operator, v.operand = tail[:1], tail[1:]
	default:
		return v, "", malformed(end + 1)
	}
	return v, rest, nil
}

// nameLength is how many bytes of text a variable's name takes.
func nameLength(text string) int {
	for i := range len(text) {
		c := text[i]
		if c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' || i > 0 && '0' <= c && c <= '9' {
			continue
		}
		return i
	}
	return len(text)
}

// closing returns the brace that ends the reference at the beginning of text, -1
// without one.
func closing(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch {
		case strings.HasPrefix(text[i:], "$$"):
			i++
		case strings.HasPrefix(text[i:], "${"):
			depth++
			i++
		case text[i] == '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func (v variable) value(lookup func(string) (string, bool), depth int) (expansion, error) {
	set, ok := lookup(v.name)
	if strings.HasPrefix(v.operator, ":") {
		ok = ok && set != ""
	}
	switch strings.TrimPrefix(v.operator, ":") {
	case "-":
		if ok {
			return expansion{text: set, known: true}, nil
		}
		got, err := expandDepth(v.operand, lookup, depth+1)
		got.fallback = true
		return got, err
	case "+":
		if ok {
			return expandDepth(v.operand, lookup, depth+1)
		}
		return expansion{}, nil // the shell may set it
	}
	return expansion{text: set, known: ok}, nil
}
