package workflow

import (
	"slices"
	"strings"
)

// Expression is one "${{ … }}" in a text.
type Expression struct {
	// Text is what stands between the braces.
	Text string
	// Flows are the contexts that the value is, or may be, a part of:
	// "github.event.issue.title". What is only compared or tested is not among them.
	Flows []string

	start, end int // in the text, braces included
}

// Span is where the expression stands in its text, braces included.
func (e Expression) Span() (start, end int) { return e.start, e.end }

// Expressions lists the expressions of a text.
func Expressions(text string) []Expression {
	list := expressions(text)
	for i := range list {
		list[i].Flows = Flows(list[i].Text)
	}
	return list
}

func expressions(text string) []Expression {
	var list []Expression
	for at := 0; ; {
		i := strings.Index(text[at:], "${{")
		if i < 0 {
			return list
		}
		start := at + i
		end := closed(text, start+3)
		if end < 0 {
			return list
		}
		list = append(list, Expression{Text: text[start+3 : end-2], start: start, end: end})
		at = end
	}
}

// closed returns the end of the braces that are open, those in strings left out of
// account; -1 when there is none.
func closed(text string, at int) int {
	quoted := false
	for ; at < len(text); at++ {
		switch {
		case text[at] == '\'':
			quoted = !quoted
		case !quoted && strings.HasPrefix(text[at:], "}}"):
			return at + 2
		}
	}
	return -1
}

// Flows lists the contexts that the value of an expression may hold text of, in
// lower case, each once: not those that are only compared, tested or searched in.
func Flows(text string) []string {
	p := &parser{text: text}
	flows := p.either(0)
	slices.Sort(flows)
	return slices.Compact(flows)
}

// maxNesting bounds brackets inside brackets.
const maxNesting = 50

// parser reads an expression as far as it can be read.
type parser struct {
	text string
	at   int
}

func (p *parser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

// take passes over one of the operators, if it stands here.
func (p *parser) take(operators ...string) bool {
	p.space()
	for _, o := range operators {
		if strings.HasPrefix(p.text[p.at:], o) {
			p.at += len(o)
			return true
		}
	}
	return false
}

// either is "a || b": one of both.
func (p *parser) either(depth int) []string {
	flows := p.both(depth)
	for p.take("||") {
		flows = append(flows, p.both(depth)...)
	}
	return flows
}

// both is "a && b": b, or an a that is empty or false.
func (p *parser) both(depth int) []string {
	flows := p.compared(depth)
	for p.take("&&") {
		flows = p.compared(depth)
	}
	return flows
}

// compared is true or false when something is compared.
func (p *parser) compared(depth int) []string {
	flows := p.single(depth)
	for p.take("==", "!=", "<=", ">=", "<", ">") {
		p.single(depth)
		flows = nil
	}
	return flows
}

// tests are functions whose value holds none of what they are given.
var tests = []string{"contains", "startswith", "endswith", "hashfiles", "success", "failure", "always", "cancelled"}

func (p *parser) single(depth int) []string {
	p.space()
	if depth > maxNesting || p.at >= len(p.text) {
		p.at = len(p.text)
		return nil
	}
	switch c := p.text[p.at]; {
	case strings.IndexByte("),]", c) >= 0:
		return nil // whoever opened it passes over it
	case strings.HasPrefix(p.text[p.at:], "!=") || c != '!' && c != '(' && c != '\'' && !word(c) && c != '*':
		p.at++ // nothing that could stand here
		return nil
	case c == '!':
		p.at++
		p.single(depth + 1)
		return nil
	case c == '(':
		p.at++
		flows := p.either(depth + 1)
		p.take(")")
		return flows
	case c == '\'':
		p.quoted()
		return nil
	}
	name := p.word()
	p.space()
	if p.at < len(p.text) && p.text[p.at] == '(' {
		flows := p.arguments(depth + 1)
		if slices.Contains(tests, strings.ToLower(name)) {
			return nil
		}
		return flows
	}
	return []string{p.properties(name, depth)}
}

// properties reads what follows the name of a context.
func (p *parser) properties(name string, depth int) string {
	var b strings.Builder
	b.WriteString(strings.ToLower(name))
	for p.at < len(p.text) {
		switch {
		case p.take("."):
			p.space()
			b.WriteString("." + strings.ToLower(p.word()))
		case p.take("["):
			p.space()
			if p.at < len(p.text) && p.text[p.at] == '\'' {
				b.WriteString("." + strings.ToLower(p.quoted()))
			} else {
				p.either(depth + 1)
				b.WriteString(".*")
			}
			p.take("]")
		default:
			return b.String()
		}
	}
	return b.String()
}

func (p *parser) arguments(depth int) (flows []string) {
	for p.at++; p.at < len(p.text); {
		flows = append(flows, p.either(depth)...)
		if p.take(")") {
			break
		}
		if !p.take(",") && p.at < len(p.text) {
			p.at++ // what cannot stand here
		}
	}
	return flows
}

// quoted passes over a string and returns what stands in it.
func (p *parser) quoted() string {
	start := p.at + 1
	for p.at++; p.at < len(p.text); p.at++ {
		if p.text[p.at] != '\'' {
			continue
		}
		if p.at++; p.at == len(p.text) || p.text[p.at] != '\'' {
			return p.text[start : p.at-1]
		}
	}
	return p.text[start:p.at]
}

func (p *parser) word() string {
	start := p.at
	for p.at < len(p.text) && (word(p.text[p.at]) || p.text[p.at] == '*') {
		p.at++
	}
	return p.text[start:p.at]
}

func word(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}
