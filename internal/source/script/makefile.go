package script

import (
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// maxMakefile bounds a Makefile in bytes: the largest that people write come to some
// 150 KiB.
const maxMakefile = 1 << 20

// makefile reads the rules of a Makefile. It is tolerant: a line that is no rule,
// assignment or recipe is passed over, and what only make knows stands as unknown.
type makefile struct {
	file      *File
	variables map[string]string // those whose value is one plain word
	oneshell  bool

	target *Target
	recipe []piece // of the target so far
}

// piece is some text and where each byte of it stands.
type piece struct {
	text string
	from []int
}

var (
	assignment = regexp.MustCompile(`^\s*(?:(?:export|override)\s+)*([A-Za-z0-9_.-]+)\s*(?:\?|:{1,3}|\+|!)?=\s*(.*)$`)
	plainWord  = regexp.MustCompile(`^[A-Za-z0-9_./-]+$`)
	directives = []string{"ifeq", "ifneq", "ifdef", "ifndef", "else", "endif", "include", "-include", "sinclude", "export", "unexport", "override", "vpath", "undefine", "load"}
)

// parseMakefile reads the rules of a file.
func parseMakefile(src *source.File) *File {
	m := &makefile{file: &File{Source: src}, variables: map[string]string{}}
	// .ONESHELL counts for the whole file, wherever it stands.
	m.oneshell = strings.HasPrefix(src.Text, ".ONESHELL:") || strings.Contains(src.Text, "\n.ONESHELL:")
	for line := 1; line <= src.Lines(); {
		last := m.logical(line)
		m.line(line, last)
		line = last + 1
	}
	m.finish()
	m.file.collectComments()
	return m.file
}

// logical returns the last of the lines that backslashes join to the one given.
func (m *makefile) logical(line int) int {
	for ; line < m.file.Source.Lines(); line++ {
		text, _ := m.file.Source.Line(line)
		if backslashes := len(text) - len(strings.TrimRight(text, `\`)); backslashes%2 == 0 {
			break
		}
	}
	return line
}

func (m *makefile) line(first, last int) {
	text, _ := m.file.Source.Line(first)
	body := strings.TrimSpace(text)
	word, _, _ := strings.Cut(body, " ")
	switch {
	case body == "endef":
		m.target = nil
	case m.target != nil && m.target.At.Line == 0:
		// inside of "define": text for later
	case word == "define":
		m.finish()
		m.target = &Target{} // without a place: no recipe is kept
	case strings.HasPrefix(text, "\t"):
		if m.target != nil {
			m.command(first, last, 1)
		}
	case body == "" || body[0] == '#':
	case assignment.MatchString(text):
		m.assign(text, first == last)
	case !slices.Contains(directives, word):
		m.rule(first, last, text)
	}
}

// assign keeps a variable whose value is one plain word, the first where there are
// several: a recipe may run it.
func (m *makefile) assign(text string, whole bool) {
	match := assignment.FindStringSubmatch(text)
	value, _, _ := strings.Cut(match[2], " #")
	value = strings.TrimSpace(value)
	if _, known := m.variables[match[1]]; !known && whole && plainWord.MatchString(value) {
		m.variables[match[1]] = value
	}
}

// rule begins the recipe of targets.
func (m *makefile) rule(first, last int, text string) {
	names, rest, ok := strings.Cut(text, ":")
	if !ok || strings.ContainsAny(names, "=") {
		return
	}
	m.finish()
	start := m.file.Source.LineStart(first)
	m.target = &Target{Names: strings.Fields(names), At: m.file.Source.Span(start, start+len(strings.TrimRight(names, " \t")))}
	m.target.last = last
	if semicolon := strings.Index(rest, ";"); semicolon >= 0 && !strings.ContainsAny(rest[:semicolon], "=#") {
		m.command(first, last, len(names)+1+semicolon+1)
	}
}

// command adds one logical line of a recipe, of whose first line skip bytes are no
// part of it.
func (m *makefile) command(first, last, skip int) {
	src := m.file.Source
	m.target.last = last
	var p piece
	var b strings.Builder
	for n := first; n <= last; n++ {
		line, _ := src.Line(n)
		start := src.LineStart(n)
		if n > first && strings.HasPrefix(line, "\t") {
			skip = 1 // make takes it off every line
		}
		skip = min(skip, len(line))
		b.WriteString(line[skip:])
		for i := skip; i < len(line); i++ {
			p.from = append(p.from, start+i)
		}
		if n < last {
			b.WriteByte('\n')
			p.from = append(p.from, start+len(line))
		}
		skip = 0
	}
	trimmed := strings.TrimLeft(b.String(), "@+- \t")
	p.from = p.from[b.Len()-len(trimmed):]
	p.text = trimmed
	if p.text != "" {
		m.recipe = append(m.recipe, m.expand(p))
	}
}

// finish reads the recipe of the target so far.
func (m *makefile) finish() {
	if t := m.target; t != nil && t.At.Line > 0 {
		t.Script = &Script{Parsed: true}
		if m.oneshell {
			m.recipe = joined(m.recipe)
		}
		for _, p := range m.recipe {
			s := Read(m.file.Source, p.text, p.from)
			t.Script.Commands = append(t.Script.Commands, s.Commands...)
			if !s.Parsed {
				m.file.unparsed(p.from)
			}
		}
		m.file.Targets = append(m.file.Targets, t)
	}
	m.target, m.recipe = nil, nil
}

func joined(recipe []piece) []piece {
	if len(recipe) < 2 {
		return recipe
	}
	var b strings.Builder
	var from []int
	for _, p := range recipe {
		b.WriteString(p.text + "\n")
		from = append(append(from, p.from...), p.from[len(p.from)-1])
	}
	return []piece{{b.String(), from}}
}

// expand gives the shell what make would: "$$" is a dollar, a variable of one plain
// word its value, and everything else of make a variable that nobody knows.
func (m *makefile) expand(p piece) piece {
	if !strings.Contains(p.text, "$") {
		return p
	}
	var b strings.Builder
	var from []int
	put := func(text string, start, end int) {
		b.WriteString(text)
		for range len(text) - 1 {
			from = append(from, p.from[start])
		}
		from = append(from, p.from[end])
	}
	const unknown = "${_}"
	for i := 0; i < len(p.text); i++ {
		if p.text[i] != '$' || i+1 == len(p.text) {
			b.WriteByte(p.text[i])
			from = append(from, p.from[i])
			continue
		}
		switch next := p.text[i+1]; next {
		case '$':
			put("$", i+1, i+1)
			i++
		case '(', '{':
			end := closing(p.text, i+1)
			value := unknown
			if word, ok := m.variables[p.text[min(i+2, end):end]]; ok {
				value = word
			}
			put(value, i, end)
			i = end
		default:
			put(unknown, i, i+1)
			i++
		}
	}
	return piece{b.String(), from}
}

// closing returns where the bracket at open is closed, the last byte when nowhere.
func closing(text string, open int) int {
	depth := 0
	for i := open; i < len(text); i++ {
		switch text[i] {
		case '(', '{':
			depth++
		case ')', '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(text) - 1
}

// collectComments finds the comments that excuse something: above a target they
// cover its recipe, above any other line that line, and behind a line that one.
func (f *File) collectComments() {
	if !strings.Contains(f.Source.Text, source.Marker) {
		return
	}
	ends := map[int]int{}
	for _, t := range f.Targets {
		ends[t.At.Line] = t.last
	}
	below := lines{source: f.Source}
	for n := f.Source.Lines(); n >= 1; n-- {
		line, _ := f.Source.Line(n)
		i := strings.LastIndex(line, "#")
		if i < 0 || !source.Marked(line[i:]) {
			continue
		}
		start := f.Source.LineStart(n) + i
		c := source.Comment{Text: strings.TrimSpace(line[i+1:]), At: f.Source.Span(start, f.Source.LineStart(n)+len(strings.TrimRight(line, " \t"))), From: n, To: n}
		if strings.TrimSpace(line[:i]) == "" {
			c.From = below.of(n)
			c.To = max(c.From, ends[c.From])
			for text, ok := f.Source.Line(c.To); ok && strings.HasSuffix(text, `\`); text, ok = f.Source.Line(c.To) {
				c.To++
			}
		}
		f.comments = append(f.comments, c)
	}
	slices.Reverse(f.comments)
}
