package dockerfile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// Checker runs BuildKit's own checks. They need more of BuildKit than its parser, so
// that not every program has one.
type Checker interface {
	// Check follows a Dockerfile as a build of all its stages with these arguments
	// would, of which it runs nothing and fetches nothing. An error says why the rest
	// was not looked at; what was said until then counts.
	Check(ctx context.Context, text string, args map[string]string) ([]Warning, error)
}

// Warning is what one of BuildKit's checks says.
type Warning struct {
	// Check is its name: "UndefinedVar".
	Check string
	// Text is in BuildKit's words.
	Text string
	// Line is where the instruction begins, or within it.
	Line int
}

// ofBase are the checks that need the base image itself.
var ofBase = []string{linter.RuleInvalidBaseImagePlatform.Name}

// Check fills in Warnings. It fails when a part of the file was not looked at, and why.
//
// "# check=" is not heeded: what it skips is found, and then excused and listed as all
// that other tools are told to be silent about.
func (f *File) Check(ctx context.Context, checker Checker) error {
	if f.swells() {
		return errors.New("its values come to more than BuildKit's checks are given here; make it smaller")
	}
	warnings, err := checker.Check(ctx, directive.ReplaceAllString(f.Source.Text, "${1}error=false"), f.checkArgs())
	warnings = slices.DeleteFunc(warnings, func(w Warning) bool { return slices.Contains(ofBase, w.Check) })
	slices.SortFunc(warnings, func(a, b Warning) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Check, b.Check), cmp.Compare(a.Text, b.Text))
	})
	f.Warnings = slices.Compact(warnings)
	if len(f.Warnings) > mostWarnings && err == nil {
		err = fmt.Errorf("they say more than %d things of it", mostWarnings)
	}
	f.Warnings = f.Warnings[:min(len(f.Warnings), mostWarnings)]
	return err
}

// mostWarnings is how many are kept of one file.
const mostWarnings = 200

// directive is BuildKit's, at the top or above an instruction.
var directive = regexp.MustCompile(`(?m)^(\x{FEFF}?[ \t]*#[ \t]*check ?=)[^\r\n]*`)

// Insists says that the file asks for a build to fail on what BuildKit's checks find.
func (f *File) Insists() bool {
	text, _, _, ok := parser.ParseDirective("check", []byte(f.Source.Text))
	if !ok {
		return false
	}
	config, err := linter.ParseLintOptions(text)
	return err == nil && config.ReturnAsError
}

// At returns the instruction that a line belongs to, with its stage; nil before the
// first FROM, and both when there is none.
func (f *File) At(line int) (*Stage, *Instruction) {
	holds := func(in *Instruction) bool { return in.At.Line <= line && line <= in.At.EndLine }
	for _, s := range slices.Backward(f.Stages) {
		if s.From.At.Line > line {
			continue
		}
		for _, in := range append([]*Instruction{s.From}, s.Instructions...) {
			if holds(in) {
				return s, in
			}
		}
		return s, nil
	}
	for _, in := range f.Globals {
		if holds(in) {
			return nil, in
		}
	}
	return nil, nil
}

// checkArgs are the arguments that the checks follow the file with: those of the
// build, and a value that is valid in most places for each ARG that has none and that
// BuildKit would stop at.
func (f *File) checkArgs() map[string]string {
	args := map[string]string{}
	for _, s := range f.Stages {
		if !strings.Contains(s.Base.Text, "@") { // no value is a digest
			for name := range Uses(s.Base.Text) {
				args[name] = "1"
			}
		}
		for _, in := range s.Instructions {
			if in.Name == "EXPOSE" {
				for name := range Uses(f.Source.Slice(in.At)) {
					args[name] = "1"
				}
			}
		}
	}
	for _, s := range f.Stages {
		value, _, _ := s.From.Flag("platform")
		for name := range Uses(value) {
			args[name] = "linux/amd64"
		}
	}
	unset := map[string]bool{}
	for _, v := range f.Variables() {
		if v.In.Name == "ARG" {
			before, again := unset[v.Name]
			unset[v.Name] = strings.Trim(v.Value, `"'`) == "" && (before || !again)
		}
	}
	for name := range args {
		if !unset[name] || predefined.MatchString(name) {
			delete(args, name)
		}
	}
	maps.Copy(args, f.build.Args)
	return args
}

// predefined are the arguments that BuildKit sets by itself.
var predefined = regexp.MustCompile(`^(BUILD|TARGET)(PLATFORM|OS|OSVERSION|ARCH|VARIANT|STAGE)$`)

// use is a variable where it is used.
var use = regexp.MustCompile(`\$\{?([A-Za-z_][A-Za-z0-9_]*)(/?)`)

// Uses are the variables that stand in a text, without regard to quotes.
func Uses(text string) map[string]bool {
	names := map[string]bool{}
	for _, m := range use.FindAllStringSubmatch(text, -1) {
		names[m[1]] = true
	}
	return names
}
