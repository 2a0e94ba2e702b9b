// Package dockerfile is the positioned model of a Dockerfile: BuildKit's own
// grammar, with the exact place of each instruction and word added.
package dockerfile

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/script"
)

// Build is what the command line of a build adds to a Dockerfile.
type Build struct {
	// Args are the values of --build-arg.
	Args map[string]string
	// Target is the stage that is built; empty is the last.
	Target string
	// Tree holds the files around the Dockerfile; nil when they are not known.
	Tree *source.Tree
}

// File is one Dockerfile.
type File struct {
	Source *source.File
	// Globals are the ARGs before the first FROM.
	Globals []*Instruction
	Stages  []*Stage
	// Escape is the escape character: a backslash, or what the escape directive says.
	Escape rune
	// Syntax is the frontend that the syntax directive asks for, empty without one.
	Syntax string
	// Warnings are what BuildKit's own checks say, in the order of lines: see Check.
	Warnings []Warning

	build    Build
	global   scope // of the ARGs before the first FROM
	comments []source.Comment
	masked   []finding.Location
	literals []Literal
}

// Stage is one FROM and what follows it.
type Stage struct {
	Index int
	// Name is what AS gives it, in lower case; empty without.
	Name string
	// From is the FROM instruction.
	From *Instruction
	Base Reference
	// Platform is the value of --platform with arguments filled in.
	Platform string
	// Parent is the stage that Base names, nil for an image, for scratch, and where
	// Base cannot be known.
	Parent       *Stage
	Instructions []*Instruction

	shell []string // what SHELL chose last, with what was inherited; nil is the default
}

// Reference is the name of a base as it stands and as it resolves.
type Reference struct {
	// Text is as written: "node:${VERSION}".
	Text string
	// Value has the arguments filled in. It means nothing when Known is false.
	Value string
	// Known is false when Value depends on something that is only known when it is
	// built: an argument without a default, or the platform.
	Known bool
	At    finding.Location
}

// Instruction is one instruction with its place.
type Instruction struct {
	// Name is in upper case. For a trigger it is "ONBUILD".
	Name string
	// At spans from the first character to the last, heredocs included.
	At finding.Location
	// Words are what follows the name, flags ("--from=x") included, split at white
	// space outside quotes.
	Words []Word
	// Exec is true of the JSON form of CMD, ENTRYPOINT, RUN and SHELL.
	Exec bool
	// Args are the arguments as BuildKit reads them: the list of the JSON form, or
	// one string with the whole command.
	Args []string
	// Heredocs are the here-documents.
	Heredocs []parser.Heredoc
	// Value is BuildKit's typed instruction, *instructions.Stage for a FROM.
	Value any
	// Script holds the commands of a RUN, CMD, ENTRYPOINT or HEALTHCHECK, nil for
	// what no POSIX shell runs.
	Script *Script
	// Trigger is what an ONBUILD holds for the images built on this one.
	Trigger *Instruction

	text string // all lines joined, as BuildKit joins them
	from []int  // the offset in the file of each byte of text
	// paths are the operands of a COPY or ADD, the destination last.
	paths []Path
}

// Word is one argument as it stands.
type Word struct {
	Text string // without line continuations, quotes kept
	At   finding.Location

	file *source.File
	from []int // the offset of each byte of Text, and of the end
}

// Part returns the place of Text[start:end].
func (w Word) Part(start, end int) finding.Location {
	if end > start {
		return w.file.Span(w.from[start], w.from[end-1]+1)
	}
	return w.file.Span(w.from[start], w.from[start])
}

// Arguments returns the words that are not flags.
func (i *Instruction) Arguments() []Word {
	words := i.Words
	for len(words) > 0 && strings.HasPrefix(words[0].Text, "--") {
		words = words[1:]
	}
	return words
}

// ArgumentsAt spans from the first to the last word that is not a flag; the
// whole instruction when there is none.
func (i *Instruction) ArgumentsAt() finding.Location {
	words := i.Arguments()
	if len(words) == 0 {
		return i.At
	}
	at, last := words[0].At, words[len(words)-1].At
	at.EndLine, at.EndColumn = last.EndLine, last.EndColumn
	return at
}

// Paths are the sources and the destination of a COPY or ADD, without the quotes
// and brackets of the JSON form. sources is empty for all others.
func (i *Instruction) Paths() (sources []Path, destination string) {
	if len(i.paths) < 2 {
		return nil, ""
	}
	last := len(i.paths) - 1
	return i.paths[:last], i.paths[last].Text
}

// Path is one operand of a COPY or ADD as written.
type Path struct {
	Text string
	At   finding.Location
}

// Flag returns the value of --name and its place.
func (i *Instruction) Flag(name string) (value string, at finding.Location, ok bool) {
	prefix := "--" + name + "="
	for _, word := range i.Words {
		if !strings.HasPrefix(word.Text, "--") {
			break
		}
		if value, ok := strings.CutPrefix(word.Text, prefix); ok {
			return value, word.Part(len(prefix), len(word.Text)), true
		}
	}
	return "", finding.Location{}, false
}

// maxInstructions bounds a file; an image has 127 layers at most.
const maxInstructions = 10_000

// Parse reads a Dockerfile as BuildKit would. What BuildKit refuses is one unread
// record with its line, and no file.
func Parse(src *source.File, build Build) (*File, []finding.Unread) {
	result, err := parse(src.Text)
	if err != nil {
		return nil, []finding.Unread{src.Unread(errorLine(err), explain(err))}
	}
	if n := len(result.AST.Children); n > maxInstructions {
		return nil, []finding.Unread{src.Unread(0, fmt.Sprintf("holds %d instructions, more than the limit of %d; split it", n, maxInstructions))}
	}
	f := &File{Source: src, Escape: result.EscapeToken, build: build}
	if syntax, _, _, ok := parser.DetectSyntax([]byte(src.Text)); ok {
		f.Syntax = syntax
	}
	f.global = newScope(f.Escape, build.Args)
	for _, node := range result.AST.Children {
		value, err := instructions.ParseInstruction(node)
		if err != nil {
			return nil, []finding.Unread{src.Unread(node.StartLine, explain(err))}
		}
		f.add(f.instruction(node, value))
	}
	if len(f.Stages) == 0 {
		return nil, []finding.Unread{src.Unread(0, "has no FROM; begin a stage with one")}
	}
	f.collectComments()
	f.collectSecrets()
	f.collectLiterals()
	return f, nil
}

// parse runs BuildKit's parser. A panic in it is an error here: the text comes
// from outside.
func parse(text string) (result *parser.Result, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("confuses the Dockerfile parser (%v); simplify it", r)
		}
	}()
	if result, err = parser.Parse(strings.NewReader(text)); err != nil {
		return nil, err
	}
	for _, node := range result.AST.Children {
		// With "# check=…" above an instruction BuildKit merges that into its linter, and
		// falls over where there is none.
		node.PrevComment = nil
	}
	_, _, err = instructions.Parse(result.AST, nil) // the order of instructions
	return result, err
}

func (f *File) add(in *Instruction) {
	if in.Name == "FROM" {
		f.Stages = append(f.Stages, f.stage(in))
		return
	}
	if len(f.Stages) == 0 {
		f.Globals = append(f.Globals, in)
		f.global.declare(in)
		return
	}
	last := f.Stages[len(f.Stages)-1]
	last.Instructions = append(last.Instructions, in)
	if v, ok := in.Value.(*instructions.ShellCommand); ok {
		last.shell = v.Shell
	}
	if shell := last.shell; !last.Windows() && (len(shell) == 0 || script.IsShell(shell[0])) {
		f.script(in)
		if in.Trigger != nil {
			f.script(in.Trigger)
		}
	}
}

func (f *File) stage(in *Instruction) *Stage {
	s := &Stage{Index: len(f.Stages), From: in}
	if value, ok := in.Value.(*instructions.Stage); ok {
		s.Name = value.Name
		s.Platform, _ = f.global.expand(value.Platform)
		s.Base.Text = value.BaseName
	}
	s.Base.At = in.ArgumentsAt()
	if words := in.Arguments(); len(words) > 0 {
		s.Base.At = words[0].At
	}
	s.Base.Value, s.Base.Known = f.global.expand(s.Base.Text)
	s.Parent = f.Stage(s.Base.Value)
	if s.Parent == nil && !s.Base.Known {
		s.Parent = f.guess(s.Base.Text)
	}
	if s.Parent != nil {
		s.shell = s.Parent.shell
	}
	return s
}

// Stage finds an earlier stage by its name, without regard to case.
func (f *File) Stage(name string) *Stage {
	for _, s := range slices.Backward(f.Stages) {
		if s.Name != "" && strings.EqualFold(s.Name, name) {
			return s
		}
	}
	return nil
}

var variable = regexp.MustCompile(`\$(\{[^}]*\}|[A-Za-z_][A-Za-z0-9_]*)`)

// guess finds the stage that a base with unknown parts ("base-${TARGETARCH}")
// can mean; the first when several can.
func (f *File) guess(text string) *Stage {
	var pattern strings.Builder
	last := 0
	for _, m := range variable.FindAllStringIndex(text, -1) {
		pattern.WriteString(regexp.QuoteMeta(text[last:m[0]]) + ".*")
		last = m[1]
	}
	pattern.WriteString(regexp.QuoteMeta(text[last:]))
	re, err := regexp.Compile("(?i)^" + pattern.String() + "$")
	if err != nil || strings.Trim(pattern.String(), ".*") == "" {
		return nil
	}
	for _, s := range f.Stages {
		if s.Name != "" && re.MatchString(s.Name) {
			return s
		}
	}
	return nil
}

// Final returns the stage whose image ships: the target of the build, else the last.
func (f *File) Final() *Stage {
	if s := f.Stage(f.build.Target); s != nil {
		return s
	}
	return f.Stages[len(f.Stages)-1]
}

// Chain returns the stage and those it is built from, the stage first.
func (s *Stage) Chain() []*Stage {
	var chain []*Stage
	for ; s != nil; s = s.Parent { // a parent is always earlier in the file
		chain = append(chain, s)
	}
	return chain
}

// Root is the stage that a chain begins with: its base is an image.
func (s *Stage) Root() *Stage {
	for s.Parent != nil {
		s = s.Parent
	}
	return s
}

// Windows says that the stage builds a Windows image, as far as its base tells.
func (s *Stage) Windows() bool {
	root := s.Root()
	return strings.HasPrefix(root.Platform, "windows") ||
		strings.HasPrefix(root.Base.Value, "mcr.microsoft.com/windows") ||
		strings.Contains(root.Base.Value, "nanoserver") || strings.Contains(root.Base.Value, "windowsservercore")
}

// Shell is what SHELL chose for the end of the stage; nil is the default.
func (s *Stage) Shell() []string { return s.shell }

// CopiedStage returns the stage that a COPY or RUN --mount takes files from, nil for an
// image, a build context, and what cannot be known. value is that of its from.
func (f *File) CopiedStage(s *Stage, in *Instruction, value string) *Stage {
	value, known := f.Expand(s, in, value)
	if !known {
		return nil
	}
	if n, err := strconv.Atoi(value); err == nil && n >= 0 && n < s.Index {
		return f.Stages[n]
	}
	if found := f.Stage(value); found != nil && found.Index < s.Index {
		return found
	}
	return nil
}

// Subject names a stage in findings and fingerprints: the path, and the name of
// the stage or its number.
func (f *File) Subject(s *Stage) string {
	if s.Name != "" {
		return f.Source.Path + "#" + s.Name
	}
	return fmt.Sprintf("%s#%d", f.Source.Path, s.Index)
}

// Comments are the comments that excuse something, with the lines they cover.
func (f *File) Comments() []source.Comment { return f.comments }

// Masked are the places of values that may be secrets and are never shown.
func (f *File) Masked() []finding.Location { return f.masked }
