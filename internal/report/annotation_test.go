package report

import (
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/policy"
	"github.com/plimsoll-ci/plimsoll/internal/report/reporttest"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// Whatever the policy decides by stands in the result, so that an annotation can say
// the same: a field of policy.Policy that deciding does not set would be a drift.
func TestDecidingKnowsTheWholePolicy(t *testing.T) {
	t.Parallel()
	most := 1
	told := verdict.Policy{MaxMissed: &most, FailOn: finding.Critical, LintFailOn: finding.High, IgnoreUnfixed: true, OnlyIntroduced: true, Profile: "strict"}
	v := reflect.ValueOf(deciding(told))
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("policy.Policy.%s is not part of verdict.Policy, and decides", v.Type().Field(i).Name)
		}
	}
}

// There is an error for each finding among the verdict's reasons, at its place, and
// none without a reason.
func TestErrorsAreWhatBlocks(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		r := reporttest.Failed()
		r.Enforced, r.Unread = true, nil
		r.Policy = verdict.Policy{
			FailOn: finding.Severity(random.IntN(6)), LintFailOn: finding.Severity(random.IntN(6)),
			IgnoreUnfixed: random.IntN(2) == 0, OnlyIntroduced: random.IntN(2) == 0, Profile: "recommended",
		}
		for i := range r.Findings {
			r.Findings[i].Status = finding.Status(random.IntN(5))
			r.Findings[i].Severity = finding.Severity(random.IntN(6))
		}
		r.Verdict = deciding(r.Policy).Evaluate(policy.Seen{Findings: r.Findings})
		all, existing := Annotations(r)
		errors, findings := map[string]bool{}, existing
		for _, a := range all {
			findings += a.Count
			if a.Level == LevelError {
				errors[a.Path+":"+strconv.Itoa(a.Line)] = true
			}
		}
		reasons := map[string]bool{}
		for _, reason := range r.Verdict.Reasons {
			reasons[Line(reason.Location)] = true
		}
		if !reflect.DeepEqual(errors, reasons) {
			t.Fatalf("policy %+v: errors at %v, reasons at %v", r.Policy, errors, reasons)
		}
		found := Split(r)
		if want := len(r.Findings) - len(found.Suppressed) - len(found.Gone()); findings != want {
			t.Fatalf("%d findings are told of %d", findings, want)
		}
	}
}

func TestAnnotationsAreSafeAndSorted(t *testing.T) {
	t.Parallel()
	runs := reporttest.Scenarios()
	for i, s := range reporttest.Strings() {
		runs["hostile "+strconv.Itoa(i)] = reporttest.Hostile(s)
	}
	for name, r := range runs {
		all, _ := Annotations(r)
		warned := false
		for _, a := range all {
			if utf8.RuneCountInString(a.Message) > maxAnnotation || utf8.RuneCountInString(a.Title) > maxTitle {
				t.Errorf("%s: too long: %+v", name, a)
			}
			if s := a.Path + a.Title + a.Message; strings.ContainsAny(s, "\n\r\x1b\u2028\u202e\u200b") || !utf8.ValidString(s) {
				t.Errorf("%s: not safe to print: %+v", name, a)
			}
			if a.EndLine < a.Line || a.EndColumn < a.Column || a.Column > 0 && a.Line != a.EndLine {
				t.Errorf("%s: an odd place: %+v", name, a)
			}
			if warned && a.Level == LevelError {
				t.Errorf("%s: an error after a warning", name)
			}
			warned = warned || a.Level == LevelWarning
		}
	}
}

// Under warn-only nothing is an error but an act that failed.
func TestNothingBlocksUnderWarnOnly(t *testing.T) {
	t.Parallel()
	for name, r := range reporttest.Scenarios() {
		r.Enforced = false
		all, _ := Annotations(r)
		for _, a := range all {
			if a.Level == LevelError && name != "act-failed" {
				t.Errorf("%s: %+v", name, a)
			}
		}
	}
}
