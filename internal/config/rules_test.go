package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/config"
)

func TestRules(t *testing.T) {
	const text = `rules:
  PRB-1.a: { severity: medium, except: ["deploy/batch/**"] }
  SEC-1: { severity: off }
`
	sides(t, nil, settings(text))
	c, _, err := config.Load("scan", nil, none)
	if err != nil {
		t.Fatal(err)
	}
	want := []config.RulePolicy{
		{Rule: "PRB-1.a", Severity: "medium", Except: []string{"deploy/batch/**"}, At: config.Place{File: ".plimsoll.yaml", Line: 2, Column: 3}},
		{Rule: "SEC-1", Severity: "off", At: config.Place{File: ".plimsoll.yaml", Line: 3, Column: 3}},
	}
	if diff := cmp.Diff(want, c.Rules); diff != "" || c.Judged {
		t.Errorf("judged %v (-want +got):\n%s", c.Judged, diff)
	}
	for text, want := range map[string]string{
		"rules: [PRB-1.a]": "want a mapping of mappings", "rules: PRB-1.a": "want a mapping of mappings", "rules: {PRB-1.a: low}": "want a mapping with except, severity",
		"rules: {PRB-1.a: {severity: loud}}": "want one of critical", "rules: {PRB-1.a: {severity: [low]}}": "", "rules: {PRB-1.a: {severity: [low, high]}}": "want a plain value",
		"rules: {PRB-1.a: {}}": "say severity or except", "rules: {PRB-1.a: {except: ['[']}}": "malformed", "rules: {PRB-1.a: {except: ['']}}": "malformed",
		"rules: {PRB-1.a: {severity: low}, PRB-1.a: {severity: off}}": "set twice", "rules: {PRB-1.a: {expect: [a]}}": "did you mean except?",
	} {
		sides(t, nil, settings(text))
		if _, _, err := config.Load("gate", nil, none); (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), ".plimsoll.yaml:1: rules: ")) {
			t.Errorf("%q: %v; want %q", text, err, want)
		}
	}
}

// What a change says of rules stands beside what the base commit says, so that of
// both the stricter can be taken.
func TestAChangeProposesRules(t *testing.T) {
	change := sides(t, settings("rules: {A-1: {severity: high}}"), settings("\nrules: {A-1: {severity: off}}"))
	c, _, err := config.LoadChange(config.OnPullRequest, "lint", nil, none, change)
	if err != nil {
		t.Fatal(err)
	}
	at := config.Place{File: ".plimsoll.yaml", Line: 1, Column: 9}
	if diff := cmp.Diff([]config.RulePolicy{{Rule: "A-1", Severity: "high", At: at}}, c.Rules); diff != "" || !c.Judged {
		t.Errorf("judged %v (-want +got):\n%s", c.Judged, diff)
	}
	at.Line = 2
	if diff := cmp.Diff([]config.RulePolicy{{Rule: "A-1", Severity: "off", At: at}}, c.Proposed); diff != "" {
		t.Errorf("proposed (-want +got):\n%s", diff)
	}
}
