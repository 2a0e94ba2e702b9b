package policy_test

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/policy"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

var (
	usual  = policy.Policy{FailOn: finding.High, LintFailOn: finding.High, IgnoreUnfixed: true, Profile: policy.Recommended}
	strict = policy.Policy{FailOn: finding.High, LintFailOn: finding.High, IgnoreUnfixed: true, Profile: policy.Strict}
)

func vulnerability(s finding.Severity, fixed string) finding.Finding {
	return finding.Finding{
		Rule: finding.Rule{ID: "VUL-OS"}, Severity: s, Subject: "CVE-2020-28928 pkg:apk/alpine/musl", Message: "vulnerable",
		Location:      finding.Location{Path: "Dockerfile", Line: 1},
		Vulnerability: &finding.Vulnerability{ID: "CVE-2020-28928", Package: "musl", Installed: "1.1.24-r2", FixedIn: fixed},
	}
}

func lint(s finding.Severity) finding.Finding {
	return finding.Finding{Rule: finding.Rule{ID: "USR-1.a"}, Severity: s, Message: "root", Location: finding.Location{Path: "Dockerfile", Line: 3}}
}

func TestEvaluate(t *testing.T) {
	t.Parallel()
	secret := finding.Finding{Rule: finding.Rule{ID: "SEC-1.b"}, Severity: finding.Low, Location: finding.Location{Artifact: "app@sha256:1", Path: "Dockerfile", Line: 4}}
	excused := lint(finding.Critical)
	excused.Suppressed = &finding.Suppressed{Reason: "known"}
	unread := func(k finding.Kind) []finding.Unread { return []finding.Unread{{Kind: k, Cause: "broken"}} }
	unavailable := policy.Failure{Stage: "build", Message: "no mount"}
	broken := policy.Failure{Stage: "build", Message: "exit 1", Judged: true}

	tests := map[string]struct {
		policy     policy.Policy
		seen       policy.Seen
		want       verdict.Decision
		incomplete bool
		reasons    int
	}{
		"nothing to say":                     {policy: usual, want: verdict.Pass},
		"a high finding of lint":             {policy: usual, seen: policy.Seen{Findings: []finding.Finding{lint(finding.High)}}, want: verdict.Fail, reasons: 1},
		"a medium finding of lint":           {policy: usual, seen: policy.Seen{Findings: []finding.Finding{lint(finding.Medium)}}, want: verdict.Pass},
		"a suppressed finding":               {policy: usual, seen: policy.Seen{Findings: []finding.Finding{excused}}, want: verdict.Pass},
		"a fixable vulnerability":            {policy: usual, seen: policy.Seen{Findings: []finding.Finding{vulnerability(finding.High, "1.1.24-r3")}}, want: verdict.Fail, reasons: 1},
		"an unfixed vulnerability":           {policy: usual, seen: policy.Seen{Findings: []finding.Finding{vulnerability(finding.Critical, "")}}, want: verdict.Pass},
		"a vulnerability nobody rated":       {policy: usual, seen: policy.Seen{Findings: []finding.Finding{vulnerability(finding.Unknown, "1")}}, want: verdict.Pass},
		"a secret in the image, rated low":   {policy: usual, seen: policy.Seen{Findings: []finding.Finding{secret}}, want: verdict.Fail, reasons: 1},
		"a source that cannot be parsed":     {policy: usual, seen: policy.Seen{Unread: unread(finding.UnreadSource)}, want: verdict.Indeterminate, reasons: 1},
		"an operating system unread":         {policy: usual, seen: policy.Seen{Unread: unread(finding.UnreadOS)}, want: verdict.Indeterminate, reasons: 1},
		"an old database":                    {policy: usual, seen: policy.Seen{Unread: unread(finding.UnreadDatabase)}, want: verdict.Indeterminate, reasons: 1},
		"a layer unread":                     {policy: usual, seen: policy.Seen{Unread: unread(finding.UnreadLayer)}, want: verdict.Indeterminate, reasons: 1},
		"a language manifest unread":         {policy: usual, seen: policy.Seen{Unread: unread(finding.UnreadLanguage)}, want: verdict.Pass},
		"a language manifest unread, strict": {policy: strict, seen: policy.Seen{Unread: unread(finding.UnreadLanguage)}, want: verdict.Indeterminate, reasons: 1},
		"a builder that cannot run":          {policy: usual, seen: policy.Seen{Failures: []policy.Failure{unavailable}}, want: verdict.Indeterminate, reasons: 1},
		"a build that failed":                {policy: usual, seen: policy.Seen{Failures: []policy.Failure{broken}}, want: verdict.Fail, reasons: 1},
		"no signature that holds":            {policy: usual, seen: policy.Seen{Unverified: "no signature was found"}, want: verdict.Fail, reasons: 1},
		"fail wins over indeterminate": {
			policy: usual, seen: policy.Seen{Findings: []finding.Finding{lint(finding.High)}, Unread: unread(finding.UnreadOS)},
			want: verdict.Fail, incomplete: true, reasons: 2,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := test.policy.Evaluate(test.seen)
			if got.Decision != test.want || got.Incomplete != test.incomplete || len(got.Reasons) != test.reasons {
				t.Errorf("got %s, incomplete %v, %d reasons; want %s, %v, %d", got.Decision, got.Incomplete, len(got.Reasons), test.want, test.incomplete, test.reasons)
			}
		})
	}
}

func TestOnePackageIsOneReason(t *testing.T) {
	t.Parallel()
	a, b := vulnerability(finding.High, "2"), vulnerability(finding.Critical, "2")
	b.Vulnerability.ID, b.Message = "CVE-2020-2", "worse"
	got := usual.Evaluate(policy.Seen{Findings: []finding.Finding{a, b}})
	want := []verdict.Reason{{
		Code: "finding", Message: "worse", Location: a.Location, Rule: "VUL-OS", Severity: finding.Critical, Decides: verdict.Fail, Count: 2,
	}}
	if diff := cmp.Diff(want, got.Reasons); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
}

// Whatever the order things were seen in, the verdict is the same; and seeing
// more never turns what failed into a pass.
func TestVerdictDoesNotDependOnOrder(t *testing.T) {
	t.Parallel()
	findings := []finding.Finding{lint(finding.High), lint(finding.Low), vulnerability(finding.High, "1"), vulnerability(finding.Medium, "1")}
	unread := []finding.Unread{{Kind: finding.UnreadOS, Cause: "a"}, {Kind: finding.UnreadSource, Cause: "b"}}
	want := usual.Evaluate(policy.Seen{Findings: findings, Unread: unread})
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		random.Shuffle(len(findings), func(i, j int) { findings[i], findings[j] = findings[j], findings[i] })
		got := usual.Evaluate(policy.Seen{Findings: findings, Unread: unread})
		if got.Decision != want.Decision || got.Incomplete != want.Incomplete || len(got.Reasons) != len(want.Reasons) {
			t.Fatalf("another order gave %s with %d reasons; want %s with %d", got.Decision, len(got.Reasons), want.Decision, len(want.Reasons))
		}
	}
}
