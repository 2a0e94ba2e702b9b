package script

import (
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// File is a shell script or a Makefile.
type File struct {
	Source *source.File
	// Targets are those of a Makefile with their recipes. A shell script is one
	// without a name.
	Targets []*Target
	// Unparsed are the places of scripts that no shell reads: nothing is known of them.
	Unparsed []finding.Location

	comments []source.Comment
}

// Target is what a Makefile can make and the recipe of it.
type Target struct {
	Names  []string
	At     finding.Location
	Script *Script

	last int // line of the recipe
}

// Comments are those that begin with source.Marker, with the lines they cover.
func (f *File) Comments() []source.Comment { return f.comments }

// Masked are the places of values that no report may show: what looks like a
// credential is masked wherever it stands.
func (f *File) Masked() []finding.Location { return nil }

// Make says whether the file is a Makefile.
func (f *File) Make() bool { return IsMakefile(f.Source.Path) }

// IsMakefile knows the names of Makefiles.
func IsMakefile(name string) bool {
	base := path.Base(name)
	return slices.Contains([]string{"Makefile", "makefile", "GNUmakefile"}, base) || path.Ext(base) == ".mk"
}

// Parse reads a shell script or Makefile. What no shell reads is in Unparsed.
func Parse(src *source.File) *File {
	if IsMakefile(src.Path) {
		if len(src.Text) > maxMakefile {
			return &File{Source: src, Unparsed: []finding.Location{{Path: src.Path, Line: 1}}}
		}
		return parseMakefile(src)
	}
	f := &File{Source: src}
	if program := interpreter(src.Text); program != "" && !IsShell(program) {
		return f // a script of another language under a shell's name
	}
	t := &Target{Script: Shell(src), last: src.Lines()}
	if !t.Script.Parsed {
		f.Unparsed = []finding.Location{{Path: src.Path, Line: 1}}
	}
	f.comments = t.Script.Comments
	f.Targets = []*Target{t}
	return f
}

// interpreter is the program that the first line of a script names, "" for none.
func interpreter(text string) string {
	if !strings.HasPrefix(text, "#!") {
		return ""
	}
	line, _, _ := strings.Cut(text[2:], "\n")
	for word := range strings.FieldsSeq(line) {
		if name := path.Base(word); name != "env" && !strings.HasPrefix(word, "-") {
			return name
		}
	}
	return ""
}

func (f *File) unparsed(from []int) {
	if len(from) > 0 {
		f.Unparsed = append(f.Unparsed, f.Source.Span(from[0], from[len(from)-1]+1))
	}
}
