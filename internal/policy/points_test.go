package policy_test

import (
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/policy"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

func about(severity finding.Severity, id string, points ...string) finding.Finding {
	return finding.Finding{Rule: finding.Rule{ID: id, Points: points}, Severity: severity}
}

func TestPoints(t *testing.T) {
	everything := verdict.Linted{Dockerfiles: 1, Objects: 4, Workloads: 1, Services: 2}
	excused := about(finding.High, "USR-3.a", "USR-3")
	excused.Suppressed = &finding.Suppressed{Reason: "because"}
	gone := about(finding.High, "RES-1.a", "RES-1")
	gone.Status = finding.Fixed
	old := about(finding.High, "NET-1.a", "NET-1")
	old.Status = finding.Existing
	for name, test := range map[string]struct {
		seen policy.Seen
		want string
	}{
		"nothing":   {policy.Seen{}, "0/0 met"},
		"all of it": {policy.Seen{Linted: &everything, Inspected: true}, "28/28 met"},
		"no image":  {policy.Seen{Linted: &everything}, "24/28 met · 4 unknown: IMG-1, IMG-4, USR-1, SEC-1"},
		"a notice":  {policy.Seen{Linted: &everything, Inspected: true, Findings: []finding.Finding{about(finding.Low, "OBS-1.a", "OBS-1")}}, "28/28 met"},
		"excused":   {policy.Seen{Linted: &everything, Inspected: true, Findings: []finding.Finding{excused, gone}}, "28/28 met"},
		"old":       {policy.Seen{Linted: &everything, Inspected: true, Findings: []finding.Finding{old, about(finding.Medium, "IMG-3.b", "IMG-3")}}, "26/28 met · 2 missed: IMG-3, NET-1"},
		"undecided": {policy.Seen{
			Linted: &everything, Inspected: true, Unknown: map[string]string{"SEC-3": "what it names is not here", "IMG-3": "and so"},
			Findings: []finding.Finding{about(finding.Medium, "IMG-3.b", "IMG-3")},
		}, "26/28 met · 1 missed: IMG-3 · 1 unknown: SEC-3"},
		"in part": {
			policy.Seen{Linted: &verdict.Linted{Services: 2}, Partial: map[source.Kind]string{source.Compose: "a file is not here"}},
			"0/28 met · 13 unknown: IMG-3, USR-2, USR-3, USR-4, PRB-2, PRB-3, PRB-4, RES-2, RES-4, SEC-2, SEC-3, NET-4, OBS-2 · 15 not applicable",
		},
		"missed, though nobody saw the image": {policy.Seen{Linted: &everything, Findings: []finding.Finding{about(finding.Critical, "SEC-1.a", "SEC-1")}}, "24/28 met · 1 missed: SEC-1 · 3 unknown: IMG-1, IMG-4, USR-1"},
		"a Dockerfile":                        {policy.Seen{Linted: &verdict.Linted{Dockerfiles: 1}, Inspected: true}, "10/28 met · 18 not applicable"},
		"unread": {
			policy.Seen{Linted: &verdict.Linted{Dockerfiles: 1}, Unread: []finding.Unread{{Kind: finding.UnreadSource, Location: finding.Location{Path: "deploy/web.yaml"}}}},
			"2/28 met · 24 unknown: IMG-1, IMG-4, USR-1, USR-2, USR-3, USR-4, PRB-1, PRB-2, PRB-3, PRB-4, RES-1, RES-2, RES-3, SEC-1, SEC-2, SEC-3, SEC-4, NET-1, NET-2, NET-3, OBS-1, OBS-2, OBS-3, OBS-4 · 2 not applicable",
		},
	} {
		if got := (policy.Policy{}).Points(test.seen).String(); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestMaxMissed(t *testing.T) {
	one := 1
	seen := policy.Seen{Linted: &verdict.Linted{Workloads: 1}, Findings: []finding.Finding{about(finding.Medium, "IMG-3.b", "IMG-3"), about(finding.Medium, "NET-1.a", "NET-1")}}
	p := policy.Policy{FailOn: finding.High, LintFailOn: finding.High, MaxMissed: &one}
	got := p.Evaluate(seen)
	if got.Decision != verdict.Fail || len(got.Reasons) != 1 || got.Reasons[0].Code != "points-missed" {
		t.Errorf("got %+v", got)
	}
	if p.MaxMissed = nil; p.Evaluate(seen).Decision != verdict.Pass {
		t.Error("points decide although nobody asked for it")
	}
}

func TestPointsUnderTheKubernetesProfile(t *testing.T) {
	p := policy.Policy{Profile: policy.Kubernetes}
	services := policy.Seen{Linted: &verdict.Linted{Dockerfiles: 1, Services: 2, Workloads: 1}, Inspected: true}
	if got, want := p.Points(services).String(), "26/28 met · 2 not applicable"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
