package script

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// reader collects the commands of a text whose bytes lie at the offsets from of
// source, or all at one place.
type reader struct {
	source *source.File
	at     *finding.Location
	script *Script

	from        []int
	depth       int
	substituted int
}

// read parses text and collects its commands. It is false for what is no shell's.
func (r *reader) read(text string, from []int, depth int) bool {
	if depth > maxDepth {
		return false
	}
	file, err := parseShell(text)
	if err != nil {
		return false
	}
	outer := *r
	r.from, r.depth = from, depth
	if depth == 0 && r.at == nil && strings.Contains(text, source.Marker) {
		r.comments(file)
	}
	for _, stmt := range file.Stmts {
		r.stmt(stmt)
	}
	r.from, r.depth = outer.from, outer.depth
	return true
}

// MaxSize bounds a script in bytes: the largest that people write are installers
// of some 150 KiB. maxBrackets bounds how deep it nests: the parser calls itself for
// each bracket, and a stack that overflows ends the program.
const (
	MaxSize     = 256 << 10
	maxBrackets = 200
)

// brackets is how deep a script may nest, quotes left out of account.
func brackets(text string) int {
	depth, deepest := 0, 0
	for i := range len(text) {
		switch text[i] {
		case '(', '{':
			depth++
			deepest = max(deepest, depth)
		case ')', '}':
			depth = max(0, depth-1)
		}
	}
	return deepest
}

// parseShell reads Bash, whose grammar holds that of the POSIX shell for all that
// Dockerfiles and pipelines say. A panic is an error: the text comes from outside.
func parseShell(text string) (file *syntax.File, err error) {
	if len(text) > MaxSize {
		return nil, fmt.Errorf("the script holds %d bytes, more than the limit of %d", len(text), MaxSize)
	}
	if depth := brackets(text); depth > maxBrackets {
		return nil, fmt.Errorf("the script nests %d brackets, more than the limit of %d", depth, maxBrackets)
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("reading a shell script: %v", p)
		}
	}()
	keep := syntax.KeepComments(strings.Contains(text, source.Marker))
	return syntax.NewParser(syntax.Variant(syntax.LangBash), keep).Parse(strings.NewReader(text), "")
}

func (r *reader) span(start, end uint) finding.Location {
	if r.at != nil {
		return *r.at
	}
	if len(r.from) == 0 {
		return finding.Location{Path: r.source.Path}
	}
	first := min(int(start), len(r.from)-1)
	last := min(max(int(end)-1, first), len(r.from)-1)
	return r.source.Span(r.from[first], r.from[last]+1)
}

func (r *reader) node(n syntax.Node) finding.Location {
	return r.span(n.Pos().Offset(), n.End().Offset())
}

// stmt collects the commands of a statement and returns the last of them, which
// is the one that a pipe reads from.
func (r *reader) stmt(s *syntax.Stmt) *Command {
	if s == nil {
		return nil
	}
	before := len(r.script.Commands)
	switch cmd := s.Cmd.(type) {
	case nil:
	case *syntax.CallExpr:
		r.call(cmd)
	case *syntax.DeclClause:
		r.declare(cmd)
	case *syntax.BinaryCmd:
		r.binary(cmd)
	default:
		if f, ok := cmd.(*syntax.FuncDecl); ok && f.Name != nil {
			r.script.Functions = append(r.script.Functions, f.Name.Value)
		}
		syntax.Walk(cmd, func(n syntax.Node) bool {
			if inner, ok := n.(*syntax.Stmt); ok {
				r.stmt(inner)
				return false
			}
			return !r.substitution(n)
		})
	}
	var last *Command
	if n := len(r.script.Commands); n > before {
		last = r.script.Commands[n-1]
	}
	for _, redirect := range s.Redirs {
		r.redirect(s, redirect, last)
	}
	return last
}

func (r *reader) binary(cmd *syntax.BinaryCmd) {
	left := r.stmt(cmd.X)
	n := len(r.script.Commands)
	r.stmt(cmd.Y)
	if (cmd.Op == syntax.Pipe || cmd.Op == syntax.PipeAll) && left != nil && len(r.script.Commands) > n {
		left.To = r.script.Commands[n]
	}
}

// redirect notes where output goes, and reads a heredoc that a shell is given: one
// without any command is BuildKit's form of a whole script.
func (r *reader) redirect(s *syntax.Stmt, redirect *syntax.Redirect, last *Command) {
	if redirect.Op == syntax.Hdoc || redirect.Op == syntax.DashHdoc {
		if redirect.Hdoc != nil && (s.Cmd == nil || last != nil && (IsShell(last.Name) || last.Name == "ssh")) {
			n := len(r.script.Commands)
			r.nested(redirect.Hdoc, int(redirect.Hdoc.Pos().Offset()), int(redirect.Hdoc.End().Offset()))
			if last != nil && last.Name == "ssh" {
				r.elsewhere(n)
			}
		}
		return
	}
	output := []syntax.RedirOperator{syntax.RdrOut, syntax.AppOut, syntax.ClbOut, syntax.RdrAll, syntax.AppAll}
	if last != nil && slices.Contains(output, redirect.Op) && (redirect.N == nil || redirect.N.Value == "1") {
		last.Redirects = true
	}
}

// nested reads the text of a word as a script of its own.
func (r *reader) nested(word *syntax.Word, start, end int) {
	var b strings.Builder
	for _, part := range word.Parts {
		lit, ok := part.(*syntax.Lit)
		if !ok {
			// Variables and substitutions are expanded by the outer shell; as text they
			// read the same.
			var text strings.Builder
			if err := syntax.NewPrinter().Print(&text, part); err != nil {
				return
			}
			if want := int(part.End().Offset() - part.Pos().Offset()); text.Len() != want {
				b.WriteString(strings.Repeat("x", want))
				continue
			}
			b.WriteString(text.String())
			continue
		}
		b.WriteString(lit.Value)
	}
	text := b.String()
	if strings.HasPrefix(text, "#!") {
		line, _, _ := strings.Cut(text, "\n")
		fields := strings.Fields(strings.TrimPrefix(line, "#!"))
		if len(fields) == 0 || !IsShell(fields[len(fields)-1]) && !IsShell(fields[0]) {
			return
		}
	}
	var from []int
	if r.at == nil && start < end && end <= len(r.from) {
		from = r.from[start:end]
	}
	r.read(text, from, r.depth+1)
}

// substitution reads what stands in $(…) or <(…).
func (r *reader) substitution(n syntax.Node) bool {
	var stmts []*syntax.Stmt
	switch n := n.(type) {
	case *syntax.CmdSubst:
		stmts = n.Stmts
	case *syntax.ProcSubst:
		stmts = n.Stmts
	default:
		return false
	}
	r.substituted++
	for _, s := range stmts {
		r.stmt(s)
	}
	r.substituted--
	return true
}

func (r *reader) inner(n syntax.Node) {
	syntax.Walk(n, func(n syntax.Node) bool { return !r.substitution(n) })
}

func (r *reader) declare(cmd *syntax.DeclClause) {
	c := &Command{Name: cmd.Variant.Value, At: r.node(cmd), Substituted: r.substituted > 0}
	for _, a := range cmd.Args {
		c.Words = append(c.Words, r.assigned(a))
	}
	r.script.Commands = append(r.script.Commands, c)
	r.inner(cmd)
}

func (r *reader) assigned(a *syntax.Assign) Argument {
	var text strings.Builder
	known := true
	if a.Name != nil {
		text.WriteString(a.Name.Value)
		if !a.Naked {
			text.WriteString("=")
		}
	}
	if a.Value != nil {
		value, ok := r.literal(a.Value.Parts)
		text.WriteString(value)
		known = ok
	}
	return Argument{Text: text.String(), Known: known && a.Array == nil, At: r.node(a)}
}

func (r *reader) call(call *syntax.CallExpr) {
	var words, assigned []Argument
	for _, a := range call.Assigns {
		assigned = append(assigned, r.assigned(a))
	}
	for _, w := range call.Args {
		text, known := r.literal(w.Parts)
		words = append(words, Argument{Text: text, Known: known, At: r.node(w)})
	}
	c := NewCommand(assigned, words, r.node(call))
	c.Substituted = r.substituted > 0
	r.script.Commands = append(r.script.Commands, c)
	if IsShell(c.Name) {
		for i := 0; i+1 < len(c.Words); i++ {
			if flag := c.Words[i].Text; strings.HasPrefix(flag, "-") && strings.HasSuffix(flag, "c") && !strings.HasPrefix(flag, "--") {
				r.quoted(call.Args[len(call.Args)-len(c.Words)+i+1])
				break
			}
		}
	}
	if c.Name == "ssh" && len(c.Words) > 1 {
		n := len(r.script.Commands)
		r.quoted(call.Args[len(call.Args)-1])
		r.elsewhere(n)
	}
	r.inner(call)
}

// elsewhere marks the commands from the nth on as those that ssh runs.
func (r *reader) elsewhere(n int) {
	for _, c := range r.script.Commands[n:] {
		c.Remote = true
	}
}

// quoted reads the script of "sh -c '…'": one whole word in quotes.
func (r *reader) quoted(word *syntax.Word) {
	if len(word.Parts) != 1 {
		return
	}
	start, end := int(word.Pos().Offset())+1, int(word.End().Offset())-1
	switch part := word.Parts[0].(type) {
	case *syntax.SglQuoted:
		if !part.Dollar && len(part.Value) == end-start {
			r.nested(&syntax.Word{Parts: []syntax.WordPart{&syntax.Lit{Value: part.Value}}}, start, end)
		}
	case *syntax.DblQuoted:
		if len(part.Parts) != 1 {
			return // what is substituted in it is not known
		}
		if lit, ok := part.Parts[0].(*syntax.Lit); ok && len(lit.Value) == end-start {
			r.nested(&syntax.Word{Parts: part.Parts}, start, end)
		}
	}
}

// literal joins the parts of a word without quotes; known is false when it holds
// what only the shell knows.
func (r *reader) literal(parts []syntax.WordPart) (text string, known bool) {
	var b strings.Builder
	known = true
	for _, part := range parts {
		switch p := part.(type) {
		case *syntax.Lit:
			b.WriteString(unescape(p.Value))
		case *syntax.SglQuoted:
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			inner, ok := r.literal(p.Parts)
			b.WriteString(inner)
			known = known && ok
		case *syntax.ParamExp:
			known = false
			if p.Param != nil {
				b.WriteString("${" + p.Param.Value + "}")
			}
		default:
			known = false
			b.WriteString("$(…)")
		}
	}
	return b.String(), known
}

func unescape(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) {
			i++
			if text[i] == '\n' {
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// prefixes run the command that follows their own options. The value lists the
// options that take a word of their own.
var prefixes = map[string][]string{
	"sudo": {"-u", "-g", "--user", "--group"}, "env": {"-u", "-C"}, "exec": {"-a"}, "command": nil, "time": nil, "nice": {"-n"},
	"nohup": nil, "eatmydata": nil, "gosu": nil, "su-exec": nil, "builtin": nil, "timeout": {"-s", "-k"},
}

// NewCommand takes apart what is assigned for a command and its words, the name first.
func NewCommand(assigned, words []Argument, at finding.Location) *Command {
	c := &Command{Assigned: assigned, At: at}
	for len(words) > 0 {
		name := path.Base(words[0].Text)
		options, ok := prefixes[name]
		if !ok || !words[0].Known {
			break
		}
		c.Prefix = append(c.Prefix, name)
		rest := words[1:]
		for len(rest) > 0 {
			option := rest[0].Text
			flag := strings.HasPrefix(option, "-")
			if !flag && (name == "env" || name == "sudo") && strings.Contains(option, "=") {
				c.Assigned = append(slices.Clip(c.Assigned), rest[0])
			} else if !flag {
				break
			}
			rest = rest[1:]
			if slices.Contains(options, option) && len(rest) > 0 {
				rest = rest[1:]
			}
		}
		if (name == "gosu" || name == "su-exec" || name == "timeout") && len(rest) > 0 {
			rest = rest[1:] // whom, or how long
		}
		words = rest
	}
	if len(words) == 0 {
		return c
	}
	if words[0].Known {
		c.Name = path.Base(words[0].Text)
	}
	c.Words = words[1:]
	return c
}
