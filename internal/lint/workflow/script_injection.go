package workflow

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/workflow"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

var scriptInjection = lint.Check[*file]{
	Rule: finding.Rule{
		ID: "WF-05", Name: "script-injection", Severity: finding.High, Since: "0.1.0",
		Summary: "What strangers write reaches scripts through variables only",
		Also:    []string{"zizmor/template-injection", "actionlint/expression", "scorecard/Dangerous-Workflow", "poutine/injection", "CKV_GHA_2"},
	},
	Run: func(p *lint.Pass, f *file) {
		for _, j := range f.jobs() {
			for _, s := range j.Steps {
				texts := []yaml.Node{s.Root.Get("run")}
				if s.Uses.Is("actions/github-script") {
					texts = append(texts, s.Root.Get("with").Get("script"))
				}
				for _, text := range texts {
					injected(p, f, s, text)
				}
			}
		}
	},
}

// injected reports the expressions of a script whose values strangers write.
func injected(p *lint.Pass, f *file, s *workflow.Step, text yaml.Node) {
	if !text.IsScalar() {
		return
	}
	text = text.Resolved()
	told := map[string]bool{}
	var offsets []int
	for _, e := range workflow.Expressions(text.Text()) {
		for _, name := range f.flows(s, e) {
			d := dangerOf(f.File, name)
			if d == none || told[name] {
				continue
			}
			told[name] = true
			if offsets == nil {
				offsets = text.Offsets()
			}
			at := text.At()
			if start, end := e.Span(); end <= len(offsets) {
				at = text.Source().Span(offsets[start], offsets[end-1]+1)
			}
			severity := map[danger]finding.Severity{much: finding.High, unknown: finding.Medium, little: finding.Low}[d]
			if d == much && (ownBranch.MatchString(guards(s)) || vouched.MatchString(guards(s))) {
				severity = finding.Low
			}
			whose := "and runs as a command with the job's token and secrets"
			if d != much {
				whose = "and runs as a command"
			}
			p.Report(lint.Problem{
				At: at, Subject: f.Subject(s.Job), Path: "run[" + name + "]", Severity: severity,
				Message: fmt.Sprintf("%q is written by whoever opens, comments or commits, %s; set it as a variable in \"env\" and write \"$NAME\" here", name, whose),
			})
		}
	}
}
