package dockerfile

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// instruction places a parsed node: BuildKit gives lines only.
func (f *File) instruction(node *parser.Node, value any) *Instruction {
	in := &Instruction{
		Name: strings.ToUpper(node.Value), Heredocs: node.Heredocs, Value: value,
		Exec: node.Attributes["json"],
	}
	switch v := value.(type) {
	case *instructions.CmdCommand:
		in.Args, in.Exec = v.CmdLine, !v.PrependShell
	case *instructions.EntrypointCommand:
		in.Args, in.Exec = v.CmdLine, !v.PrependShell
	case *instructions.UserCommand:
		in.Args = []string{v.User}
	case *instructions.RunCommand:
		in.Args, in.Exec = v.CmdLine, !v.PrependShell
	}
	text, from := f.logical(node.StartLine, node.EndLine)
	in.text, in.from = text, from
	end := f.Source.LineStart(node.EndLine)
	if line, ok := f.Source.Line(node.EndLine); ok {
		end += len(strings.TrimRight(line, " \t"))
	}
	words := split(f.Source, text, from, f.Escape)
	if len(words) > 0 {
		in.At = f.Source.Span(words[0].from[0], end)
		in.Words = words[1:]
	}
	if in.Name == "COPY" || in.Name == "ADD" {
		for _, w := range in.Arguments() {
			if text := strings.Trim(w.Text, `"',[]`); text != "" {
				in.paths = append(in.paths, Path{Text: text, At: w.At})
			}
		}
	}
	if _, ok := value.(*instructions.OnbuildCommand); ok && node.Next != nil && len(node.Next.Children) > 0 && len(in.Words) > 0 {
		sub := node.Next.Children[0]
		if value, err := instructions.ParseInstruction(sub); err == nil {
			in.Trigger = &Instruction{
				Name: strings.ToUpper(sub.Value), At: in.At, Words: in.Words[1:], Exec: sub.Attributes["json"],
				Heredocs: sub.Heredocs, Value: value, text: text, from: from,
			}
			if run, ok := value.(*instructions.RunCommand); ok {
				in.Trigger.Args, in.Trigger.Exec = run.CmdLine, !run.PrependShell
			}
		}
	}
	return in
}

// logical joins the lines of an instruction as BuildKit does: continuations and
// the comments and empty lines between them drop out. from holds the offset in
// the file of each byte.
func (f *File) logical(first, last int) (text string, from []int) {
	var b strings.Builder
	for n := first; n <= last; n++ {
		line, _ := f.Source.Line(n)
		trimmed := strings.TrimSpace(line)
		if n > first && (trimmed == "" || trimmed[0] == '#') {
			continue
		}
		body, more := f.continued(line)
		start := f.Source.LineStart(n)
		b.WriteString(body)
		for i := range len(body) {
			from = append(from, start+i)
		}
		if !more {
			break // what follows is a heredoc
		}
	}
	return b.String(), from
}

// continued cuts the continuation off a line and says whether there was one, as
// BuildKit's expression does: an escape character at the end that is not itself
// escaped.
func (f *File) continued(line string) (body string, more bool) {
	body = strings.TrimRight(line, " \t")
	escape := string(f.Escape)
	if !strings.HasSuffix(body, escape) {
		return line, false
	}
	body = strings.TrimSuffix(body, escape)
	if strings.HasSuffix(body, escape) {
		return line, false
	}
	return body, true
}

// split cuts a line into words at white space outside quotes.
func split(file *source.File, text string, from []int, escape rune) []Word {
	var words []Word
	start := -1
	var quote rune
	flush := func(end int) {
		if start < 0 {
			return
		}
		offsets := append(append(make([]int, 0, end-start+1), from[start:end]...), from[end-1]+1)
		words = append(words, Word{
			Text: text[start:end], file: file, from: offsets,
			At: file.Span(from[start], from[end-1]+1),
		})
		start = -1
	}
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case quote == 0 && strings.ContainsRune(" \t\v\f\r\n", r):
			flush(i)
			i += size
			continue
		case r == escape && quote != '\'' && i+size < len(text):
			_, next := utf8.DecodeRuneInString(text[i+size:])
			if start < 0 {
				start = i
			}
			i += size + next
			continue
		case quote == 0 && (r == '"' || r == '\''):
			quote = r
		case r == quote:
			quote = 0
		}
		if start < 0 {
			start = i
		}
		i += size
	}
	flush(len(text))
	return words
}

// collectComments finds the comments that hold an excuse. A comment above an
// instruction covers all of it, above a FROM the whole stage; between the
// continuation lines of an instruction it covers the line below.
func (f *File) collectComments() {
	if !source.MayExcuse(f.Source.Text) {
		return
	}
	inside, ends := f.heredocLines(), f.ends()
	from := map[int]int{} // the last line of the FROM that begins on a line
	for _, s := range f.Stages {
		from[s.From.At.Line] = s.From.At.EndLine
	}
	next := 0 // the first line below that is neither empty nor a comment
	for n := f.Source.Lines(); n >= 1; n-- {
		line, _ := f.Source.Line(n)
		body := strings.TrimSpace(line)
		if body != "" && (body[0] != '#' || inside[n]) {
			next = n
		}
		if !strings.HasPrefix(body, "#") || inside[n] || !source.Marked(body) {
			continue
		}
		start := f.Source.LineStart(n) + strings.Index(line, "#")
		f.comments = append(f.comments, source.Comment{
			Text: strings.TrimSpace(body[1:]),
			At:   f.Source.Span(start, start+len(body)),
			From: next, To: max(next, ends[next]), Next: from[next],
		})
	}
	slices.Reverse(f.comments)
}

// ends maps the first line of each instruction to the last that a comment above
// it covers. A continuation line is not in it: it stands for itself.
func (f *File) ends() map[int]int {
	ends := map[int]int{}
	for _, in := range f.Globals {
		ends[in.At.Line] = in.At.EndLine
	}
	for i, s := range f.Stages {
		ends[s.From.At.Line] = f.Source.Lines()
		if i+1 < len(f.Stages) {
			ends[s.From.At.Line] = f.Stages[i+1].From.At.Line - 1
		}
		for _, in := range s.Instructions {
			ends[in.At.Line] = in.At.EndLine
		}
	}
	return ends
}

func (f *File) heredocLines() map[int]bool {
	lines := map[int]bool{}
	for _, s := range f.Stages {
		for _, in := range s.Instructions {
			if len(in.Heredocs) == 0 {
				continue
			}
			first := in.At.Line
			for first < in.At.EndLine {
				line, _ := f.Source.Line(first)
				if _, more := f.continued(line); !more {
					break
				}
				first++
			}
			for n := first + 1; n <= in.At.EndLine; n++ {
				lines[n] = true
			}
		}
	}
	return lines
}
