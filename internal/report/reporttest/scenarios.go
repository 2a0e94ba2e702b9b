package reporttest

import (
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/policy"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// Scenarios are runs on GitHub by name. Their verdicts are reached by the policy.
func Scenarios() map[string]verdict.Result {
	return map[string]verdict.Result{
		"first-run": firstRun(), "introduces": introduces(), "fixes": fixes(), "green": green(), "fork": fork(), "indeterminate": indeterminate(),
		"act-failed": actFailed(), "release": release(), "many": Many(3000), "uncompared": uncompared(),
		"hostile": Hostile("@octocat #12 GH-1 :tada: | a | </details> <!-- x --> a\u202eb [x](https://evil.example) ![p](https://evil.example/p.png) `c` ::error::x"),
	}
}

// change is a pull request that was built and compared with main.
func change(findings []finding.Finding) verdict.Result {
	r := Failed()
	r.Run = Run()
	r.Compared = &verdict.Compared{Commit: Base, Branch: "main", Sources: "the base commit from git", Image: "the inventory of the base commit"}
	r.Policy.OnlyIntroduced = true
	r.Findings, r.Unread, r.Notes = findings, []finding.Unread{}, nil
	r.Stages = []verdict.Stage{
		{Name: "lint", Status: verdict.StageRan, Detail: "3 files", Duration: 12 * time.Millisecond},
		{Name: "build", Status: verdict.StageRan, Detail: "4 layers", Duration: 35200 * time.Millisecond},
		{Name: "database", Status: verdict.StageRan, Detail: "ghcr.io/aquasecurity/trivy-db:2, 5 hours old", Duration: 800 * time.Millisecond},
		{Name: "inspect", Status: verdict.StageRan, Detail: "61 packages", Duration: 2345 * time.Millisecond},
		{Name: "match", Status: verdict.StageRan, Duration: 45 * time.Millisecond},
		{Name: "push", Status: verdict.StageSkipped, Detail: "a pull request pushes nothing"},
		{Name: "sign", Status: verdict.StageSkipped, Detail: "a pull request pushes nothing"},
	}
	return decide(r, nil)
}

func decide(r verdict.Result, failures []policy.Failure) verdict.Result {
	p := r.Policy
	decides := policy.Policy{
		FailOn: p.FailOn, LintFailOn: p.LintFailOn, IgnoreUnfixed: p.IgnoreUnfixed, OnlyIntroduced: p.OnlyIntroduced, Profile: policy.Profile(p.Profile),
	}
	r.Verdict = decides.Evaluate(policy.Seen{Findings: r.Findings, Unread: r.Unread, Failures: failures})
	return r
}

func marked(findings []finding.Finding, s finding.Status) []finding.Finding {
	for i := range findings {
		findings[i].Status = s
	}
	return findings
}

func firstRun() verdict.Result {
	r := change(marked(Failed().Findings, finding.Existing))
	r.Compared.FirstRun, r.Compared.Image = true, ""
	return r
}

func introduces() verdict.Result {
	findings := marked(Failed().Findings, finding.Existing)
	findings[1].Status = finding.Introduced  // user root
	findings[2].Status = finding.Introduced  // no resources, which does not block
	findings[10].Status = finding.Introduced // lodash, twice
	findings[11].Status = finding.Introduced
	findings[8].Status = finding.Disclosed
	findings[9].Status = finding.Fixed
	r := change(findings)
	r.Refused = []string{`deploy/cron.yaml:13: the suppression of RES-1.a counts when it stands on main`}
	r.Degraded = []string{"annotations"}
	return r
}

func fixes() verdict.Result {
	findings := marked(Failed().Findings, finding.Fixed)
	findings[0].Status = finding.Existing
	r := change(findings)
	r.Run.Draft = true
	return r
}

func green() verdict.Result { return change([]finding.Finding{}) }

// uncompared had nothing to compare with, so that everything counts.
func uncompared() verdict.Result {
	r := change(Failed().Findings)
	r.Compared = nil
	return r
}

func fork() verdict.Result {
	r := change(Failed().Findings[2:3])
	r.Findings[0].Status = finding.Introduced
	r.Run.Untrusted = true
	r.Subjects, r.Built, r.Database = nil, nil, nil
	r.Compared.Image = ""
	const why = `not built: needs the secret "npm-token", which a run from a fork does not have; a maintainer can run it from a branch of this repository`
	r.Stages = []verdict.Stage{
		{Name: "lint", Status: verdict.StageRan, Duration: 12 * time.Millisecond},
		{Name: "build", Status: verdict.StageFailed, Error: why},
		{Name: "inspect", Status: verdict.StageSkipped, Detail: "there is no image"},
		{Name: "match", Status: verdict.StageSkipped, Detail: "there is no image"},
		{Name: "push", Status: verdict.StageSkipped, Detail: "a pull request pushes nothing"},
	}
	return decide(r, []policy.Failure{{Stage: "build", Code: "not-built", Message: why}})
}

func indeterminate() verdict.Result {
	r := Indeterminate()
	r.Run = Run()
	r.Policy.OnlyIntroduced = true
	r.Compared = &verdict.Compared{Commit: Base, Branch: "main", Sources: "the base commit from git"}
	return r
}

func actFailed() verdict.Result {
	r := Unacted()
	r.Run = Run()
	r.Run.Event, r.Run.Pull, r.Run.Ref, r.Run.Head = "push", 0, "refs/heads/main", ""
	return r
}

// release fails on what was there before.
func release() verdict.Result {
	findings := marked(Failed().Findings, finding.Existing)
	r := change(findings)
	r.Run.Event, r.Run.Pull, r.Run.Ref, r.Run.Head = "release", 0, "refs/tags/v1.4.0", ""
	r.Compared.Image, r.Compared.Branch = "the last published digest", ""
	r.Policy.OnlyIntroduced = false
	return decide(r, nil)
}
