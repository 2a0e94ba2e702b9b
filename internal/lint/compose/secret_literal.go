package compose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/compose"
)

var serviceSecretLiteral = lint.Check[*project]{
	Rule: finding.Rule{
		ID: "SEC-2.m", Name: "service-secret-literal", Points: []string{"SEC-2"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "No Compose file holds a secret",
		Also:    []string{"CKV_SECRET_6"},
	},
	Run: func(p *lint.Pass, pr *project) {
		tell := pr.gently(p)
		for _, s := range pr.Services {
			for _, section := range []struct{ path, advice string }{
				{"environment", "mount it with \"secrets:\", or take it from outside as \"${NAME:?}\""},
				{"args", "it stays in the image's history: mount it with \"build.secrets\""},
			} {
				entries := s.Get("environment").Entries
				if section.path == "args" {
					entries = s.Get("build").Get("args").Entries
				}
				for _, e := range entries {
					severity, what := judge(p, e.Name, e.Value)
					if severity == finding.Unknown {
						continue
					}
					problem := about(s, section.path+"["+e.Name+"]", e.At(), fmt.Sprintf("service %q: %q %s; %s", s.Name, e.Name, what, section.advice))
					problem.Severity, problem.Excerpt = severity, e.Name
					if section.path == "environment" {
						problem.Fix = outside(e)
					}
					tell(problem)
				}
			}
			for _, key := range []string{"command", "entrypoint"} {
				for _, problem := range flags(p, s, key) {
					tell(problem)
				}
			}
		}
	},
}

// outside takes a value of a mapping from the variable of its name. Whoever starts the
// project has to set it then.
func outside(e compose.Entry) *finding.Fix {
	if e.Value.Fallback || e.Key.Text() != e.Name || !variable.MatchString(e.Name) || !e.Value.Node.Literal() {
		return nil
	}
	text := "${" + e.Name + ":?}"
	src := e.Value.Node.Source()
	if written := src.Slice(e.Value.At()); written == e.Value.Node.Text() {
		text = `"` + text + `"` // braces end a plain value in flow style
	}
	edits, ok := e.Value.Node.Splice(0, len(e.Value.Node.Text()), text)
	return lint.Mend(finding.Suggested, "take it from outside, as ${"+e.Name+":?}", edits, ok)
}

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// judge says how bad a value is and why; Unknown when it is no secret. It never
// returns the value.
func judge(p *lint.Pass, name string, v compose.Value) (finding.Severity, string) {
	if !v.IsScalar() || !v.Known && !v.Fallback || v.Variables && !v.Fallback {
		return finding.Unknown, ""
	}
	severity, what := judgeText(p, name, v.Text)
	if severity != finding.Unknown && v.Fallback {
		what = strings.Replace(what, "holds", "falls back to", 1)
		severity = finding.Low
		if production(p) {
			severity = finding.Medium
		}
	}
	return severity, what
}

func judgeText(p *lint.Pass, name, value string) (finding.Severity, string) {
	literal := finding.Medium
	if production(p) {
		literal = finding.High
	}
	leak, _ := source.Leaks(name, value)
	switch leak {
	case source.LeakToken:
		return finding.High, leak.Says(value)
	case source.LeakURL, source.LeakLiteral:
		return literal, leak.Says(value)
	case source.NoLeak:
	}
	return finding.Unknown, ""
}

// flags finds the values of flags such as "--requirepass" in a command.
func flags(p *lint.Pass, s *compose.Service, key string) []lint.Problem {
	severity := finding.Medium
	if production(p) {
		severity = finding.High
	}
	var problems []lint.Problem
	add := func(at finding.Location, value string) {
		if value = strings.Trim(value, `"'`); value == "" || strings.ContainsAny(value, "$`") || source.Harmless(value) {
			return
		}
		problem := about(s, key, at, fmt.Sprintf("service %q: its %s holds a secret of %d characters, which every process of the machine can read; pass a file, or take it from outside as \"${NAME:?}\"", s.Name, key, utf8.RuneCountInString(value)))
		problem.Severity, problem.Excerpt = severity, key
		problems = append(problems, problem)
	}
	words := s.Get(key).Words()
	for i, w := range words {
		text := w.Node.Text()
		for _, span := range source.SecretWords(text) {
			add(w.Node.Part(span[0], span[1]), text[span[0]:span[1]])
		}
		if i > 0 && source.SecretFlag(words[i-1].Node.Text()) && !strings.HasPrefix(text, "-") {
			add(w.At(), text)
		}
	}
	return slices.Clip(problems)
}
