package ignore_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/ignore"
)

var known = []finding.Rule{
	{ID: "PRB-1.a", Severity: finding.High}, {ID: "PRB-1.b", Severity: finding.Low}, {ID: "X-03", Severity: finding.High}, {ID: "VUL-OS"},
}

func entry(rule, severity string, except ...string) config.RulePolicy {
	return config.RulePolicy{Rule: rule, Severity: severity, Except: except, At: config.Place{File: config.FileName, Line: len(rule)}}
}

// Of both sides the stricter counts, finding by finding, whichever says what.
func TestRules(t *testing.T) {
	t.Parallel()
	type policies = []config.RulePolicy
	for name, test := range map[string]struct {
		base, head policies
		judged     bool
		want       string // severities of PRB-1.a in web/ and in batch/, "-" for suppressed
		refused    []string
	}{
		"nothing":                   {want: "high high"},
		"severity":                  {base: policies{entry("PRB-1.a", "low")}, want: "low low"},
		"point":                     {base: policies{entry("PRB-1", "low")}, want: "low low"},
		"own over point":            {base: policies{entry("PRB-1.a", "medium"), entry("PRB-1", "low", "batch/**")}, want: "medium -"},
		"off":                       {base: policies{entry("PRB-1.a", "off")}, want: "- -"},
		"another":                   {base: policies{entry("X-03", "off")}, want: "high high"},
		"except":                    {base: policies{entry("PRB-1.a", "", "batch/**")}, want: "high -"},
		"except a directory":        {base: policies{entry("PRB-1.a", "", "batch")}, want: "high -"},
		"raised":                    {base: policies{entry("PRB-1.a", "critical")}, want: "critical critical"},
		"merged":                    {base: policies{entry("PRB-1.a", "low")}, head: policies{entry("PRB-1.a", "low")}, judged: true, want: "low low"},
		"the change lowers":         {head: policies{entry("PRB-1.a", "low")}, judged: true, want: "high high", refused: []string{`rules: "severity: low" in .plimsoll.yaml:7 would loosen what is "high" at the base commit; it counts once it is merged`}},
		"the change switches off":   {head: policies{entry("PRB-1", "off")}, judged: true, want: "high high", refused: []string{`rules: "severity: off" in .plimsoll.yaml:5 would switch off what fails at the base commit; it counts once it is merged`}},
		"the change excepts":        {head: policies{entry("PRB-1.a", "", "batch/**")}, judged: true, want: "high high", refused: []string{`rules: the exception "batch/**" in .plimsoll.yaml:7 is not at the base commit; it counts once it is merged`}},
		"the change raises":         {head: policies{entry("PRB-1.a", "critical")}, judged: true, want: "critical critical"},
		"the change removes":        {base: policies{entry("PRB-1.a", "critical")}, judged: true, want: "critical critical", refused: []string{`rules: removing the severity of .plimsoll.yaml:7 would loosen PRB-1.a, which is "critical" at the base commit; it counts once it is merged`}},
		"the change removes a hole": {base: policies{entry("PRB-1.a", "off")}, judged: true, want: "high high"},
		"the change narrows":        {base: policies{entry("PRB-1.a", "", "**")}, head: policies{entry("PRB-1.a", "", "batch/**")}, judged: true, want: "high -", refused: []string{`rules: the exception "batch/**" in .plimsoll.yaml:7 is not at the base commit; it counts once it is merged`}},
		"the base names none":       {base: policies{entry("OLD-1", "off")}, judged: true, want: "high high", refused: []string{`rules: what the base commit says of "OLD-1" does not count: there is no rule and no point "OLD-1"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := ignore.NewRules(&config.Config{Rules: test.base, Proposed: test.head, Judged: test.judged}, known)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.refused, r.Refused); diff != "" {
				t.Errorf("refused (-want +got):\n%s", diff)
			}
			var findings []finding.Finding
			for _, path := range []string{"web/a.yaml", "batch/a.yaml"} {
				findings = append(findings, finding.Finding{Rule: known[0], Severity: finding.High, Location: finding.Location{Path: path, Line: 1}})
			}
			var got []string
			for _, f := range r.Apply(findings) {
				word := f.Severity.String()
				if f.Suppressed != nil {
					word = "-"
				}
				got = append(got, word)
			}
			if got := strings.Join(got, " "); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if findings[0].Severity != finding.High || findings[1].Suppressed != nil {
				t.Error("the input was changed")
			}
		})
	}
	for _, bad := range []string{"PRB-1.z", "PRB", "VUL-OS", ""} {
		_, err := ignore.NewRules(&config.Config{Rules: []config.RulePolicy{entry(bad, "low")}}, known)
		if _, usage := errors.AsType[*config.UsageError](err); !usage {
			t.Errorf("%q: %v; want a usage error", bad, err)
		}
	}
}
