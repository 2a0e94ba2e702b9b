// Package yaml reads YAML with the exact place of every value. It holds what all
// kinds of YAML sources share: bounds, errors with their line, comments that
// excuse, and nodes that know where they stand.
package yaml

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// maxTokens bounds the characters of one file that can begin a value. What lies
// above is written to break readers.
const maxTokens = 3_000_000

// File is one file of YAML documents.
type File struct {
	Source *source.File
	// Documents are the roots of those that could be read, in order; empty ones are
	// not among them.
	Documents []Node

	roots    []*yaml.Node
	comments []source.Comment
}

// Comments are the comments that excuse something, with the lines they cover.
func (f *File) Comments() []source.Comment { return f.comments }

// Parse reads a file of one or more documents, each of at most maxNodes values
// once its aliases are followed. Each document that cannot be judged is an unread
// record, and the others are read all the same; after a syntax error YAML has no
// way to go on, so the rest of the file is part of it. The file is nil only when
// nothing of it was looked at.
func Parse(src *source.File, maxNodes int) (*File, []finding.Unread) {
	f := &File{Source: src}
	if n := tokens(src.Text); n > maxTokens {
		return nil, []finding.Unread{src.Unread(0, fmt.Sprintf("holds some %d values, more than the limit of %d; split it or skip it", n, maxTokens))}
	}
	text, unread := f.printable()
	starts := yamlLines(text)
	decoder := yaml.NewDecoder(strings.NewReader(text))
	for {
		document, err := decode(decoder)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			unread = append(unread, f.syntax(err))
			break
		}
		if starts != nil {
			f.relocate(document, starts)
		}
		if line, err := check(document, maxNodes); err != nil {
			unread = append(unread, src.Unread(line, err.Error()))
			continue
		}
		f.roots = append(f.roots, document)
		if len(document.Content) == 1 {
			f.Documents = append(f.Documents, Node{src: src, yaml: document.Content[0]})
		}
	}
	f.collectComments()
	return f, unread
}

// tokens counts the characters that can begin a value.
func tokens(text string) int {
	n := strings.Count(text, "- ")
	for _, c := range []string{"\n", ",", ":", "[", "{"} {
		n += strings.Count(text, c)
	}
	return n
}

// printable returns the documents before the first character that YAML forbids.
// The parser reads ahead and would give up before them.
func (f *File) printable() (string, []finding.Unread) {
	text := f.Source.Text
	offset := strings.IndexFunc(text, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r >= 0x7F && r < 0xA0 && r != 0x85 || r == 0xFFFE || r == 0xFFFF
	})
	if offset < 0 {
		return text, nil
	}
	line, _ := f.Source.Position(offset)
	unread := f.Source.Unread(line, "holds a control character, which YAML forbids; remove it")
	return text[:max(0, strings.LastIndex(text[:offset], "\n---")+1)], []finding.Unread{unread}
}

// yamlLines returns where YAML sees lines begin, nil when that is after every
// line feed as it is for everything else. A lone carriage return, U+0085, U+2028
// and U+2029 break lines in YAML, and so can hide what a comment seems to hold.
func yamlLines(text string) []int {
	odd := strings.ContainsAny(text, "\u0085\u2028\u2029") || strings.Count(text, "\r") != strings.Count(text, "\r\n")
	if !odd {
		return nil
	}
	starts := []int{0}
	for i, r := range text {
		switch {
		case r == '\r' && strings.HasPrefix(text[i+1:], "\n"):
		case strings.ContainsRune("\n\r\u0085\u2028\u2029", r):
			starts = append(starts, i+utf8.RuneLen(r))
		}
	}
	return starts
}

// relocate turns YAML's lines and columns into those of the file.
func (f *File) relocate(n *yaml.Node, starts []int) {
	if n.Line > 0 && n.Line <= len(starts) {
		n.Line, n.Column = f.Source.Position(f.Source.Skip(starts[n.Line-1], n.Column-1))
	}
	for _, child := range n.Content {
		f.relocate(child, starts)
	}
}

// decode reads one document. A panic in the parser is an error here: the text
// comes from outside.
func decode(decoder *yaml.Decoder) (document *yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: the parser gave up (%v)", r)
		}
	}()
	document = new(yaml.Node)
	err = decoder.Decode(document)
	return document, err
}

var errorPlace = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+):? ?)?`)

// problem is what a parser's error says without its place.
func problem(err error) string { return errorPlace.ReplaceAllString(err.Error(), "") }

// syntax turns a parser's error into a record with its line.
func (f *File) syntax(err error) finding.Unread {
	line := f.problemLine(err)
	if n := f.tab(line); n > 0 {
		return f.Source.Unread(n, "is indented with a tab; YAML allows spaces only")
	}
	advice := "mend the YAML here or just above"
	if strings.Contains(f.Source.Text, "{{") || strings.Contains(f.Source.Text, "{%") {
		advice = "it looks like a template: judge what it renders to, or leave it out with skip-files"
	}
	return f.Source.Unread(line, fmt.Sprintf("%s; %s", problem(err), advice))
}

// maxBisected is the size of a text whose error is looked for line by line.
const maxBisected = 512 << 10

// problemLine finds the line of a syntax error. The parser tells that of the
// block around it, or none; the first line with which the text fails in the same
// way is the one that people have to mend.
func (f *File) problemLine(err error) int {
	around := 0
	if m := errorPlace.FindStringSubmatch(err.Error()); m != nil {
		around, _ = strconv.Atoi(m[1])
	}
	if len(f.Source.Text) > maxBisected {
		return around
	}
	fails := func(n int) bool {
		decoder := yaml.NewDecoder(strings.NewReader(f.Source.Text[:f.Source.LineStart(n+1)]))
		for {
			if _, got := decode(decoder); got != nil {
				return !errors.Is(got, io.EOF) && problem(got) == problem(err)
			}
		}
	}
	line := sort.Search(f.Source.Lines(), func(i int) bool { return fails(i + 1) }) + 1
	if line > f.Source.Lines() {
		return around
	}
	return line
}

// tab returns the first line near line that a tab indents, 0 when none does.
func (f *File) tab(line int) int {
	for n := max(1, line-1); n <= line+1; n++ {
		text, _ := f.Source.Line(n)
		if indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]; strings.Contains(indent, "\t") && strings.TrimSpace(text) != "" {
			return n
		}
	}
	return 0
}
