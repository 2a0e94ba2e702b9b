package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/config"
)

func TestCustomRules(t *testing.T) {
	sides(t, nil, settings(`custom-rules:
  - id: ACME-1
    severity: high
    on: kubernetes
    kinds: Deployment
    at: [spec.replicas, metadata.name]
    paths: [deploy/**]
    expression: value != null
    message: so it is; mend it
`))
	c, _, err := config.Load("explain", nil, none)
	if err != nil {
		t.Fatal(err)
	}
	want := []config.CustomRule{{
		ID: "ACME-1", Severity: "high", On: config.OnKubernetes, Kinds: []string{"Deployment"}, Paths: []string{"deploy/**"},
		At: []string{"spec.replicas", "metadata.name"}, Expression: "value != null", Message: "so it is; mend it",
		Place: config.Place{File: config.FileName, Line: 2, Column: 5}, ExpressionAt: config.Place{File: config.FileName, Line: 8, Column: 17},
	}}
	if diff := cmp.Diff(want, c.CustomRules); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for text, want := range map[string]string{
		"id: acme-1": "cannot be one", "id: ACME-1-2": "cannot be one", "id: ACME": "cannot be one", "severity: loud": "want one of critical", "severity: off": "want one of critical",
		"on: helm": "want one of dockerfile, compose, kubernetes, workflow", "kinds: [Deployment]": "has kinds", "paths: ['[']": "malformed", "expresion: a": "did you mean expression?", "message: ''": "an entry needs message",
	} {
		entry := map[string]string{"id": "ACME-1", "severity": "low", "on": "compose", "expression": "a", "message": "b"}
		key, value, _ := strings.Cut(text, ": ")
		entry[key] = value
		var lines []string
		for k, v := range entry {
			lines = append(lines, k+": "+v)
		}
		sides(t, nil, settings("custom-rules:\n  - { "+strings.Join(lines, ", ")+" }\n"))
		if _, _, err := config.Load("lint", nil, none); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), ".plimsoll.yaml:2: custom-rules: ") {
			t.Errorf("%q: %v; want %q", text, err, want)
		}
	}
}

// Where a compiler finds something in an expression is a place in the file.
func TestPlacesInExpressions(t *testing.T) {
	const head = "custom-rules:\n  - id: ACME-1\n    severity: low\n    on: compose\n    message: a\n"
	for text, want := range map[string]string{
		"    expression: a.b\n":                    "6:19",
		"    expression: 'a.b'\n":                  "6:20",
		"    expression: \"a.b\"\n":                "6:20",
		"    expression: |\n      a.b\n":           "7:9",
		"    expression: |-\n\n      a.b\n":        "7:9", // the first line of the text is empty
		"    expression: >\n      a.b\n      c\n":  "6",
		"    expression: a.b\n      c\n":           "6",
		"    expression: 'it''s'\n":                "6",
		"    expression: !!str a.b\n":              "6",
		"    expression: &x a.b\n    paths: [a]\n": "6",
	} {
		sides(t, nil, settings(head+text))
		c, _, err := config.Load("lint", nil, none)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimPrefix(c.CustomRules[0].ExpressionAt.Within(1, 3).String(), ".plimsoll.yaml:"); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	place := config.Place{File: "a", Line: 7, Column: 7}
	if got := place.Within(2, 3).String(); got != "a:8:9" {
		t.Errorf("%s, want a:8:9", got)
	}
}
