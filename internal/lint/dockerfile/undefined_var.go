package dockerfile

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var undefinedVar = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "BLD-UndefinedVar", Name: "undefined-var", Severity: finding.Medium, Since: "0.1.0",
		Summary: "Variables are declared in the stage that uses them, and before",
		Also:    []string{"UndefinedVar"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		declared := declarations(f)
		each(p, f, "UndefinedVar", func(w warned) (lint.Problem, bool) {
			m := undefined.FindStringSubmatch(w.text)
			if m == nil || w.stage == nil || w.in.Name == "FROM" { // a trigger that runs there
				return lint.Problem{}, false
			}
			name, meant := m[1], m[2]
			at := used(f, w.in, name)
			why := undeclared(f, declared, w, name, meant)
			return lint.Problem{
				At: at, Path: "variable[" + name + "]", Message: fmt.Sprintf("%q is not set here: %s", "$"+name, why),
			}, why != "" && (declared[nil][name] || !meantFor.MatchString(f.Source.Slice(at)))
		})
	},
}

// meantFor is a use that says what to do where nothing is set.
var meantFor = regexp.MustCompile(`^\$\{\w+:?[-+]`)

// undefined is how BuildKit puts it.
var undefined = regexp.MustCompile(`undefined variable '\$([^']*)'(?: \(did you mean \$(.*)\?\))?`)

// undeclared says why a variable is not set and what to do; "" where the base image may
// set it.
func undeclared(f *dockerfile.File, declared map[*dockerfile.Stage]map[string]bool, w warned, name, meant string) string {
	root := w.stage.Root()
	// Images often say which version of what they are.
	product, _, _ := strings.Cut(path.Base(root.Base.Value), ":")
	product = strings.ToUpper(product)
	switch own := root.Base.Known && strings.HasPrefix(name, product); {
	case own && root.Base.Value != "scratch":
		return ""
	case declared[nil][name]:
		return fmt.Sprintf("an ARG before the first FROM counts for FROM lines only; repeat ARG %s in this stage", name)
	case declared[w.stage][name]:
		return "it is declared further down; declare it before"
	}
	for _, s := range f.Stages {
		if s != w.stage && declared[s][name] {
			return fmt.Sprintf("it is declared in another stage; declare %s in this one, too", name)
		}
	}
	for _, s := range w.stage.Chain() {
		if meant != "" && len(name) > 4 && declared[s][meant] {
			return fmt.Sprintf("nothing declares it; did you mean \"$%s\"?", meant)
		}
	}
	if root.Base.Known && root.Base.Value == "scratch" {
		return "nothing declares it; declare it with ARG or ENV before"
	}
	return ""
}

// declarations are the names that each stage declares by ARG or ENV; under nil those
// before the first FROM.
func declarations(f *dockerfile.File) map[*dockerfile.Stage]map[string]bool {
	names := map[*dockerfile.Stage]map[string]bool{}
	for _, v := range f.Variables() {
		if names[v.Stage] == nil {
			names[v.Stage] = map[string]bool{}
		}
		names[v.Stage][v.Name] = true
	}
	return names
}

// used is where an instruction uses a variable.
func used(f *dockerfile.File, in *dockerfile.Instruction, name string) finding.Location {
	pattern := regexp.MustCompile(`\$(?:\{` + regexp.QuoteMeta(name) + `\b[^}]*\}|` + regexp.QuoteMeta(name) + `\b)`)
	for _, w := range in.Words {
		if at := pattern.FindStringIndex(w.Text); at != nil {
			return w.Part(at[0], at[1])
		}
	}
	if at := pattern.FindStringIndex(f.Source.Slice(in.At)); at != nil { // in a heredoc
		start := f.Source.Offset(in.At.Line, in.At.Column)
		return f.Source.Span(start+at[0], start+at[1])
	}
	return in.At
}
