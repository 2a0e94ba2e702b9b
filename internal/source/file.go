// Package source reads what people wrote: the work tree with its bounds, and
// text whose every place is known. The packages below it hold one positioned
// model per kind of file.
package source

import (
	"bytes"
	"errors"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// Kind says which model reads a file.
type Kind string

// The kinds of files that are judged.
const (
	Dockerfile Kind = "dockerfile"
	Kubernetes Kind = "kubernetes"
	Compose    Kind = "compose"
	// Workflow is what runs in pipelines: GitHub's workflows and actions, shell scripts
	// and Makefiles.
	Workflow Kind = "workflow"
)

// File is one text with an index of its lines. Offsets are bytes into Text.
type File struct {
	// Path is slash-separated and relative to the root of the tree.
	Path string
	// Text is the content without a byte order mark.
	Text string
	// Named says that somebody asked for this very file, so that silence about it
	// would be a lie.
	Named bool
	// Chart is the directory of the Helm chart whose templates hold this file; empty
	// when there is none.
	Chart string

	starts []int // the offset at which each line begins
	// place says where bytes of a rendered text come from; nil for what people wrote.
	place func(start, end int) finding.Location
	// runes holds, unless all of Text is ASCII, how many code points precede every
	// block of runeBlock bytes: a minified file is one line of megabytes, and
	// counting from its beginning for each place would be quadratic.
	runes []int
}

const runeBlock = 1 << 10

// errBinary and its like are the causes why bytes are no text.
var (
	errBinary = errors.New("is binary, not text; save it as UTF-8 text or skip it")
	errUTF16  = errors.New("is UTF-16; save it as UTF-8")
)

// NewFile indexes content that was read from path. It fails when the content is
// not UTF-8 text, and says what it is instead.
func NewFile(path string, content []byte) (*File, error) {
	if err := checkText(content); err != nil {
		return nil, err
	}
	f := &File{Path: path, Text: string(bytes.TrimPrefix(content, []byte("\uFEFF")))}
	f.starts = append(make([]int, 0, 1+strings.Count(f.Text, "\n")), 0)
	ascii := true
	for i := range len(f.Text) {
		if f.Text[i] == '\n' {
			f.starts = append(f.starts, i+1)
		}
		ascii = ascii && f.Text[i] < utf8.RuneSelf
	}
	if !ascii {
		count := 0
		for i := range len(f.Text) {
			if i%runeBlock == 0 {
				f.runes = append(f.runes, count)
			}
			if utf8.RuneStart(f.Text[i]) {
				count++
			}
		}
	}
	return f, nil
}

// checkHead tells by the beginning of a content what is no UTF-8 text.
func checkHead(content []byte) error {
	if len(content) >= 2 {
		if mark := uint16(content[0])<<8 | uint16(content[1]); mark == 0xFEFF || mark == 0xFFFE {
			return errUTF16
		}
	}
	if bytes.IndexByte(content[:min(len(content), 8<<10)], 0) >= 0 {
		return errBinary
	}
	return nil
}

func checkText(content []byte) error {
	if err := checkHead(content); err != nil {
		return err
	}
	if utf8.Valid(content) {
		return nil
	}
	line := 1
	for len(content) > 0 {
		r, size := utf8.DecodeRune(content)
		if r == utf8.RuneError && size == 1 {
			break
		}
		if r == '\n' {
			line++
		}
		content = content[size:]
	}
	return fmt.Errorf("is not UTF-8 (first invalid byte on line %d); save it as UTF-8", line)
}

// Lines counts the lines; an empty text has one.
func (f *File) Lines() int { return len(f.starts) }

// Line returns line n (from 1) without its ending, and whether there is one.
func (f *File) Line(n int) (string, bool) {
	if n < 1 || n > len(f.starts) {
		return "", false
	}
	end := len(f.Text)
	if n < len(f.starts) {
		end = f.starts[n]
	}
	return strings.TrimRight(f.Text[f.starts[n-1]:end], "\r\n"), true
}

// LineStart returns the offset at which line n begins, the end of the text when
// there is no such line.
func (f *File) LineStart(n int) int {
	if n < 1 {
		return 0
	}
	if n > len(f.starts) {
		return len(f.Text)
	}
	return f.starts[n-1]
}

// Position returns the line and column, both from 1 and the column in code
// points, of the byte at offset. Offsets outside the text are moved into it.
func (f *File) Position(offset int) (line, column int) {
	offset = max(0, min(offset, len(f.Text)))
	line = sort.SearchInts(f.starts, offset+1)
	return line, 1 + f.count(offset) - f.count(f.starts[line-1])
}

// count returns how many code points begin before offset.
func (f *File) count(offset int) int {
	if f.runes == nil {
		return offset
	}
	block := min(offset/runeBlock, len(f.runes)-1)
	n := f.runes[block]
	for i := block * runeBlock; i < offset; i++ {
		if utf8.RuneStart(f.Text[i]) {
			n++
		}
	}
	return n
}

// Offset is the inverse of Position. A column behind the line's end gives the
// line's end.
func (f *File) Offset(line, column int) int {
	text, ok := f.Line(line)
	start := f.LineStart(line)
	if !ok {
		return start
	}
	return min(f.Skip(start, column-1), start+len(text))
}

// Skip returns the offset n code points behind offset, at most the end.
func (f *File) Skip(offset, n int) int {
	n = max(n, 0)
	if f.runes == nil {
		return min(offset+n, len(f.Text))
	}
	want := f.count(offset) + n
	block := max(0, sort.SearchInts(f.runes, want+1)-1)
	at, before := block*runeBlock, f.runes[block]
	for at < len(f.Text) && (before < want || !utf8.RuneStart(f.Text[at])) {
		if utf8.RuneStart(f.Text[at]) {
			before++
		}
		at++
	}
	return max(at, offset)
}

// Span returns the location of the bytes [start, end): in a rendered text that of
// what they come from.
func (f *File) Span(start, end int) finding.Location {
	if f.place != nil {
		return f.place(start, max(start, end))
	}
	at := finding.Location{Path: f.Path}
	at.Line, at.Column = f.Position(start)
	at.EndLine, at.EndColumn = f.Position(max(start, end))
	return at
}

// Template says that the file is a Helm chart's to render: what it says as it
// stands is not what a cluster is given.
func (f *File) Template() bool { return f.Chart != "" && strings.Contains(f.Text, "{{") }

// Slice returns the text between the two ends of a location.
func (f *File) Slice(at finding.Location) string {
	start, end := f.Offset(at.Line, at.Column), f.Offset(at.EndLine, at.EndColumn)
	if end < start {
		return ""
	}
	return f.Text[start:end]
}

// Unread records that this file, or what follows line when it is not 0, could
// not be judged, and why.
func (f *File) Unread(line int, cause string) finding.Unread {
	at := finding.Location{Path: f.Path, Line: line}
	if f.place != nil && line > 0 {
		from := f.Span(f.LineStart(line), f.LineStart(line+1))
		at.Path, at.Line = from.Path, from.Line
	}
	return finding.Unread{Kind: finding.UnreadSource, Location: at, Cause: cause}
}
