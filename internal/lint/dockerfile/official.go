package dockerfile

import (
	"cmp"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

// ofBuildKit are BuildKit's own checks that nothing here decides better, ordered by name.
// They see what a checker said of the file; where there is none they wait. Of the others
// some are native (BLD-DuplicateStageName, BLD-MaintainerDeprecated,
// BLD-MultipleInstructionsDisallowed, BLD-UndefinedArgInFrom), some are a part of rules
// that see more (CopyIgnoredFile, JSONArgsRecommended, SecretsUsedInArgOrEnv), one needs
// the base image (InvalidBaseImagePlatform) and one is an experiment
// (InvalidDefinitionDescription).
var ofBuildKit = []lint.Check[*dockerfile.File]{
	consistentInstructionCasing,
	exposeInvalidFormat,
	exposeProtoCasing,
	fromAsCasing,
	fromPlatformFlagConst,
	invalidDefaultArgInFrom,
	legacyKeyValueFormat,
	noEmptyContinuation,
	redundantTargetPlatform,
	reservedStageName,
	stageNameCasing,
	undefinedVar,
	workdirRelativePath,
}

// Official lists the rules that wait for a checker.
func Official() []finding.Rule {
	rules := make([]finding.Rule, len(ofBuildKit))
	for i, c := range ofBuildKit {
		rules[i] = c.Rule
	}
	return rules
}

// warned is what BuildKit said of one instruction.
type warned struct {
	text  string
	stage *dockerfile.Stage // nil before the first FROM
	in    *dockerfile.Instruction
}

// flag is the value of --name, the whole instruction where there is none.
func (w warned) flag(name string) finding.Location {
	if _, at, ok := w.in.Flag(name); ok {
		return at
	}
	return w.in.At
}

// name is where the name of the instruction stands.
func (w warned) name() finding.Location {
	at := w.in.At
	at.EndLine, at.EndColumn = at.Line, at.Column+len(w.in.Name)
	return at
}

// argument is where the argument with index i stands.
func (w warned) argument(i int) finding.Location {
	if words := w.in.Arguments(); i < len(words) {
		return words[i].At
	}
	return w.in.At
}

// each reports what BuildKit said under the name of p's rule. Problem makes one of a
// warning, or is false for what cannot be known here. Those with one path have one
// cause: the first is told, with the places of the others.
func each(p *lint.Pass, f *dockerfile.File, rule string, problem func(warned) (lint.Problem, bool)) {
	var all []lint.Problem
	for _, warning := range f.Warnings {
		if warning.Check != rule {
			continue
		}
		stage, in := f.At(warning.Line)
		if in == nil {
			continue
		}
		one, ok := problem(warned{text: warning.Text, stage: stage, in: in})
		if !ok {
			continue
		}
		one.Subject = f.Source.Path
		if stage != nil {
			one.Subject = f.Subject(stage)
		}
		if f.Insists() {
			one.Severity = finding.High // the file itself has its build fail on it
		}
		all = append(all, one)
	}
	slices.SortStableFunc(all, func(a, b lint.Problem) int {
		return cmp.Or(cmp.Compare(a.At.Line, b.At.Line), cmp.Compare(a.At.Column, b.At.Column))
	})
	// What a comment excuses is told by itself: it neither hides the others nor hides
	// behind them.
	type cause struct {
		path   string
		excuse int
	}
	first := map[cause]int{}
	told := make([]bool, len(all))
	for i, one := range all {
		c := cause{one.Path, excuse(f, one.At.Line)}
		at, again := first[c]
		if !again {
			first[c], told[i] = i, true
		} else if one.At != all[at].At && !slices.Contains(all[at].Related, one.At) {
			all[at].Related = append(all[at].Related, one.At)
		}
	}
	for i, one := range all {
		if told[i] {
			p.Report(one)
		}
	}
}

// excuse is the line of the nearest comment above that may excuse what stands on a
// line, 0 without one.
func excuse(f *dockerfile.File, line int) int {
	for _, c := range slices.Backward(f.Comments()) {
		if c.From <= line && line <= c.To {
			return c.At.Line
		}
	}
	return 0
}

// quoted is what stands between the last two of a quote in BuildKit's words.
func (w warned) quoted(quote string) string {
	parts := strings.Split(w.text, quote)
	if len(parts) < 3 {
		return ""
	}
	return parts[len(parts)-2]
}
