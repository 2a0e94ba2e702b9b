package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/config"
)

const entries = `ignore:
  - { rule: RES-3.b, path: "deploy/batch/**", reason: nightly, expires: 2027-03-01 }
  - vulnerability: CVE-2026-1234
    package: pkg:npm/lodash
    reason: not reachable
`

func TestIgnore(t *testing.T) {
	sides(t, nil, settings(entries))
	c, _, err := config.Load("gate", nil, none)
	if err != nil {
		t.Fatal(err)
	}
	want := []config.Ignore{
		{Rule: "RES-3.b", Path: "deploy/batch/**", Reason: "nightly", Expires: "2027-03-01", File: ".plimsoll.yaml", Line: 2},
		{Vulnerability: "CVE-2026-1234", Package: "pkg:npm/lodash", Reason: "not reachable", File: ".plimsoll.yaml", Line: 3},
	}
	if diff := cmp.Diff(want, c.Ignore); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for text, want := range map[string]string{
		"ignore: all": "want a list", "ignore: [all]": "want a mapping", "ignore: [{}]": "name a rule or a vulnerability",
		"ignore: [{rule: A-1, vulnerability: CVE-1, reason: x}]": "one of them", "ignore: [{rule: A-1}]": "without a reason",
		"ignore: [{rule: A-1, package: x, reason: x}]": "package belongs to", "ignore: [{vulnerability: A-1, path: x, reason: x}]": "path belongs to",
		"ignore: [{rule: A-1, reason: x, expires: tomorrow}]": "is not a date", "ignore: [{rule: A-1, reson: x}]": "did you mean reason?",
		"ignore: [{rule: A-1, path: \"[\", reason: x}]": "malformed", "ignore: [{rule: [a], reason: x}]": "want a plain value", "ignore: [{rule: a, rule: b, reason: x}]": "",
	} {
		sides(t, nil, settings(text))
		if _, _, err := config.Load("gate", nil, none); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), ".plimsoll.yaml") {
			t.Errorf("%q: %v; want %q", text, err, want)
		}
	}
}

func TestAChangeDoesNotIgnore(t *testing.T) {
	const old = "ignore:\n  - { rule: RES-3.b, reason: a, expires: 2027-01-01 }\n  - { vulnerability: CVE-1, reason: b }\n  - { vulnerability: CVE-2, reason: c }\n"
	const now = "ignore:\n  - { rule: RES-3.b, reason: a, expires: 2028-01-01 }\n  - { vulnerability: CVE-1, reason: reworded, expires: 2026-12-01 }\n  - { vulnerability: CVE-3, reason: d }\n"
	change := sides(t, settings(old), settings(now))
	c, _, err := config.LoadChange(config.OnPullRequest, "gate", nil, none, change)
	if err != nil {
		t.Fatal(err)
	}
	want := []config.Ignore{
		{Rule: "RES-3.b", Reason: "a", Expires: "2027-01-01", File: ".plimsoll.yaml", Line: 2},
		{Vulnerability: "CVE-1", Reason: "reworded", Expires: "2026-12-01", File: ".plimsoll.yaml", Line: 3},
	}
	if diff := cmp.Diff(want, c.Ignore); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	refused := []string{
		"ignoring RES-3.b in .plimsoll.yaml:2 for longer than until 2027-01-01 counts once it is merged",
		"ignoring CVE-3 in .plimsoll.yaml:4 is not at the base commit; it counts once it is merged",
	}
	if diff := cmp.Diff(refused, c.Refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
}
