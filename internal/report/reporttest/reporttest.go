// Package reporttest holds results to render in tests: what real runs found, and
// what somebody would like them to have found.
package reporttest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

var (
	started = time.Date(2026, 11, 22, 6, 30, 0, 0, time.UTC)

	unpinned = finding.Rule{
		ID: "IMG-3.a", Name: "base-unpinned", Points: []string{"IMG-3"}, Severity: finding.Medium,
		Summary: "every external base is pinned by tag and digest", Since: "0.1.0", Also: []string{"DL3006", "DL3007"},
	}
	root = finding.Rule{
		ID: "USR-1.a", Name: "user-root", Points: []string{"USR-1"}, Severity: finding.High,
		Summary: "the image's user is numeric and not 0", Since: "0.1.0", Also: []string{"DL3002"},
	}
	resources = finding.Rule{
		ID: "RES-1.a", Name: "resources-missing", Points: []string{"RES-1"}, Severity: finding.Medium,
		Summary: "containers ask for CPU and memory", Since: "0.1.0", Also: []string{"KSV-0011"},
	}
	secret = finding.Rule{
		ID: "SEC-1.c", Name: "secret-in-layer", Points: []string{"SEC-1"}, Severity: finding.Critical,
		Summary: "no layer holds a secret", Since: "0.1.0",
	}
	vulnerableOS = finding.Rule{
		ID: "VUL-OS", Name: "vulnerable-os-package", Severity: finding.High, Summary: "no package of the distribution has a known vulnerability", Since: "0.1.0",
	}
	vulnerableLanguage = finding.Rule{
		ID: "VUL-LANG", Name: "vulnerable-language-package", Severity: finding.High, Summary: "no package of a language has a known vulnerability", Since: "0.1.0",
	}
)

const (
	subjectDigest = "sha256:4be00c91c2a95dd1f1f2f0b1b3f0a3a1f8d7a6b5c4d3e2f1a0b9c8d7e6f5a4b3"
	baseLayer     = "sha256:1b3ee35aacca9866b01dd96e870136266bde18006ac2f0d6eb706c798d1fa3c3"
)

// Vulnerability is one that the base image of Failed brought.
func Vulnerability(id, name, installed, fixed string, s finding.Severity) finding.Finding {
	return finding.Finding{
		Rule: vulnerableOS, Severity: s, Subject: id + " pkg:apk/alpine/" + name,
		Message:  fmt.Sprintf("package %q %s has %s; upgrade it to %q", name, installed, id, fixed),
		Location: finding.Location{Path: "Dockerfile", Line: 1, Column: 1, EndLine: 1, EndColumn: 19, Artifact: "pkg:apk/alpine/" + name + "@" + installed},
		Excerpt:  installed, SourceLine: "FROM alpine:3.11.5", Layer: baseLayer,
		Vulnerability: &finding.Vulnerability{
			ID: id, Package: name, PackageURL: "pkg:apk/alpine/" + name + "@" + installed, Installed: installed, FixedIn: fixed,
			Status: "fixed", SeveritySource: "nvd", DataSource: "alpine", URL: "https://avd.aquasec.com/nvd/" + id, LayerDiffID: baseLayer, FromBase: true,
		},
	}
}

func languageVulnerability(file string) finding.Finding {
	return finding.Finding{
		Rule: vulnerableLanguage, Severity: finding.High, Subject: "CVE-2021-23337 pkg:npm/lodash",
		Message:  `package "lodash" 4.17.20 has CVE-2021-23337; upgrade it to "4.17.21"`,
		Location: finding.Location{Path: "Dockerfile", Line: 4, Artifact: "pkg:npm/lodash@4.17.20"},
		Vulnerability: &finding.Vulnerability{
			ID: "CVE-2021-23337", Aliases: []string{"GHSA-35jh-r3h4-6jhm"}, Title: "nodejs-lodash: command injection via template",
			Package: "lodash", PackageURL: "pkg:npm/lodash@4.17.20", Installed: "4.17.20", FixedIn: "4.17.21", FilePath: file, KnownExploited: true,
		},
	}
}

// Failed is the bad ship.
func Failed() verdict.Result {
	excused := finding.Finding{
		Rule: resources, Severity: finding.Medium, Subject: "CronJob/batch/nightly", Path: "containers[job].resources",
		Message:    `container "job" has no "resources"; add requests and a memory limit`,
		Location:   finding.Location{Path: "deploy/cron.yaml", Line: 14, Column: 15},
		Suppressed: &finding.Suppressed{Reason: "batch job, restarted nightly", Expires: "2027-03-01", Location: finding.Location{Path: "deploy/cron.yaml", Line: 13}},
	}
	findings := []finding.Finding{
		{
			Rule: unpinned, Severity: finding.Medium, Subject: "Dockerfile#0", Message: `base image "alpine:3.11.5" is not pinned by digest; add "@sha256:…"`,
			Location: finding.Location{Path: "Dockerfile", Line: 1, Column: 6, EndLine: 1, EndColumn: 19},
			Excerpt:  "alpine:3.11.5", SourceLine: "FROM alpine:3.11.5",
			Fix: &finding.Fix{Class: "suggested", Message: "pin it to the digest the tag names today"},
		},
		{
			Rule: root, Severity: finding.High, Subject: "Dockerfile#0", Message: `user "root" is root; name a numeric user such as "10001"`,
			Location: finding.Location{Path: "Dockerfile", Line: 6, Column: 6, EndLine: 6, EndColumn: 10},
			Excerpt:  "root", SourceLine: "USER root",
			Related: []finding.Location{{Path: "deploy/app.yaml", Line: 18, Column: 9, Note: "nothing overrides it here"}},
		},
		{
			Rule: resources, Severity: finding.Medium, Subject: "Deployment/shop/web", Path: "containers[app].resources",
			Message:  `container "app" has no "resources"; add requests and a memory limit`,
			Location: finding.Location{Path: "deploy/app.yaml", Line: 17, Column: 11, EndLine: 17, EndColumn: 20},
			Excerpt:  "name: app", SourceLine: "\t- 名前: \tname: app # 🚢 e\u0301",
		},
		{
			Rule: secret, Severity: finding.Critical, Subject: "app/.npmrc", Message: `the file "app/.npmrc" holds an npm access token; revoke it, and mount it with RUN --mount=type=secret`,
			Location: finding.Location{Path: "Dockerfile", Line: 3, Artifact: "registry.acme.internal/shop/web:1.4"}, Layer: baseLayer,
		},
		excused,
		Vulnerability("CVE-2020-1967", "libssl1.1", "1.1.1d-r3", "1.1.1g-r0", finding.High),
		Vulnerability("CVE-2021-3711", "libssl1.1", "1.1.1d-r3", "1.1.1l-r0", finding.Critical),
		Vulnerability("CVE-2021-3450", "libssl1.1", "1.1.1d-r3", "1.1.1k-r0", finding.High),
		Vulnerability("CVE-2021-3449", "libssl1.1", "1.1.1d-r3", "1.1.1k-r0", finding.Medium),
		Vulnerability("CVE-2020-28928", "musl", "1.1.24-r2", "", finding.Medium),
		languageVulnerability("app/node_modules/lodash/package.json"),
		languageVulnerability("app/node_modules/async/node_modules/lodash/package.json"),
	}
	for i := range 24 {
		findings = append(findings, Vulnerability(fmt.Sprintf("CVE-2022-%d", 37000+i), "busybox", "1.31.1-r9", "1.31.1-r11", finding.High))
	}
	return verdict.Result{
		Version: "0.1.0", Command: "gate", Started: started, Duration: 41234 * time.Millisecond,
		Subjects: []verdict.Subject{{
			Digest: subjectDigest, ImageID: "sha256:88f1", Kind: "manifest", Platform: "linux/amd64", Reference: "registry.acme.internal/shop/web:1.4",
			Layout: ".plimsoll/image", OS: "alpine 3.11.5", Packages: 61, Layers: 4, Size: 21_400_000,
		}},
		Verdict: verdict.Verdict{Decision: verdict.Fail, Reasons: []verdict.Reason{
			{Code: "finding", Message: findings[3].Message, Location: findings[3].Location, Rule: "SEC-1.c", Severity: finding.Critical, Decides: verdict.Fail, Count: 1},
			{Code: "finding", Message: findings[6].Message, Location: findings[6].Location, Rule: "VUL-OS", Severity: finding.Critical, Decides: verdict.Fail, Count: 3},
			{Code: "finding", Message: findings[12].Message, Location: findings[12].Location, Rule: "VUL-OS", Severity: finding.High, Decides: verdict.Fail, Count: 24},
			{Code: "finding", Message: findings[10].Message, Location: findings[10].Location, Rule: "VUL-LANG", Severity: finding.High, Decides: verdict.Fail, Count: 2},
			{Code: "finding", Message: findings[1].Message, Location: findings[1].Location, Rule: "USR-1.a", Severity: finding.High, Decides: verdict.Fail, Count: 1},
		}},
		Enforced: true, Findings: findings,
		Unread: []finding.Unread{{
			Kind: finding.UnreadLanguage, Location: finding.Location{Path: "app/node_modules/resolve/test/resolver/malformed_package_json/package.json", Line: 2, Column: 1},
			Cause: "parsing a package.json: unexpected end of JSON input; delete it from the image if nothing needs it",
		}},
		Stages: []verdict.Stage{
			{Name: "lint", Status: verdict.StageRan, Detail: "3 findings in 3 files", Duration: 12 * time.Millisecond},
			{Name: "build", Status: verdict.StageRan, Detail: "4 layers", Duration: 35200 * time.Millisecond},
			{Name: "scan", Status: verdict.StageRan, Detail: "61 packages", Duration: 2345 * time.Millisecond},
			{Name: "push", Status: verdict.StageSkipped, Detail: "the verdict is fail"},
		},
		Database: &verdict.Database{
			Source: "ghcr.io/aquasecurity/trivy-db:2", Digest: "sha256:d0c5", UpdatedAt: started.Add(-5*time.Hour - time.Minute),
			FetchedAt: started.Add(-time.Minute), Age: 5*time.Hour + time.Minute,
		},
		Built:  &verdict.Built{Door: "embedded", Detail: "overlayfs, runc", Dockerfile: "Dockerfile", Provenance: ".plimsoll/provenance.json"},
		Linted: &verdict.Linted{Dockerfiles: 1, Manifests: 2, Objects: 3},
		Policy: verdict.Policy{FailOn: finding.High, LintFailOn: finding.High, IgnoreUnfixed: true, Profile: "recommended"},
		Notes:  []string{"# syntax=docker/dockerfile:1 was built with the built-in frontend"}, Reproduce: "plimsoll gate --tags registry.acme.internal/shop/web:1.4 .",
	}
}

// Passed is the good ship, pushed and signed.
func Passed() verdict.Result {
	at := "registry.acme.internal/shop/web@" + subjectDigest
	return verdict.Result{
		Version: "0.1.0", Command: "gate", Started: started, Duration: 9 * time.Second,
		Subjects: []verdict.Subject{{
			Digest: subjectDigest, ImageID: "sha256:88f1", Kind: "manifest", Platform: "linux/amd64", Reference: "registry.acme.internal/shop/web:1.5", Layers: 1, Size: 1_900_000,
		}},
		Verdict: verdict.Verdict{Decision: verdict.Pass}, Enforced: true,
		Findings: []finding.Finding{}, Unread: []finding.Unread{},
		Stages: []verdict.Stage{
			{Name: "build", Status: verdict.StageRan, Duration: 6 * time.Second},
			{Name: "push", Status: verdict.StageRan, Detail: "3 blobs", Duration: 300 * time.Millisecond},
			{Name: "sign", Status: verdict.StageRan, Duration: 40 * time.Millisecond},
		},
		Evidence: []verdict.Evidence{{
			Kind: "signature", PredicateType: "https://sigstore.dev/cosign/sign/v1", Subject: subjectDigest, Referrer: "sha256:77aa",
			Signer: "sha256:0123456789abcdef", Verified: true,
		}},
		Database: &verdict.Database{Source: "testdata/db", UpdatedAt: started.Add(-72 * time.Hour), Age: 72 * time.Hour},
		Acted:    &verdict.Acted{Done: true, Pushed: at, Tags: []string{"registry.acme.internal/shop/web:1.5"}, Signed: "registry.acme.internal/shop/web@sha256:77aa", Key: "sha256:0123456789abcdef"},
		Policy:   verdict.Policy{FailOn: finding.High, LintFailOn: finding.High, IgnoreUnfixed: true, Profile: "recommended"},
	}
}

// Unacted passed, and then the registry said no.
func Unacted() verdict.Result {
	r := Passed()
	r.Acted = &verdict.Acted{Error: "push: writing blob sha256:aa: PUT https://registry.acme.internal/v2/…: 403 DENIED; check the credentials for registry.acme.internal"}
	r.Evidence = nil
	r.Stages[1].Status, r.Stages[1].Error = verdict.StageFailed, r.Acted.Error
	r.Stages = r.Stages[:2]
	return r
}

// Indeterminate could not look.
func Indeterminate() verdict.Result {
	cause := "the embedded builder cannot run here: mounting is not allowed; run as root; give it a BuildKit with --endpoint"
	return verdict.Result{
		Version: "0.1.0", Command: "gate", Started: started, Duration: 200 * time.Millisecond,
		Verdict: verdict.Verdict{Decision: verdict.Indeterminate, Reasons: []verdict.Reason{
			{Code: "build-failed", Message: cause, Decides: verdict.Indeterminate, Count: 1},
			{Code: "unread", Message: "no database could be fetched", Location: finding.Location{Artifact: "ghcr.io/aquasecurity/trivy-db:2"}, Decides: verdict.Indeterminate, Count: 1},
		}},
		Enforced: true,
		Unread: []finding.Unread{{
			Kind: finding.UnreadDatabase, Location: finding.Location{Artifact: "ghcr.io/aquasecurity/trivy-db:2"},
			Cause: "no database could be fetched: dial tcp: lookup ghcr.io: no such host",
		}},
		Stages: []verdict.Stage{
			{Name: "lint", Status: verdict.StageRan, Duration: 10 * time.Millisecond},
			{Name: "build", Status: verdict.StageFailed, Error: cause, Duration: 90 * time.Millisecond},
			{Name: "scan", Status: verdict.StageSkipped, Detail: "there is no image"},
		},
		Policy: verdict.Policy{FailOn: finding.High, LintFailOn: finding.High, Profile: "recommended"}, Reproduce: "plimsoll gate .",
	}
}

// Incomplete failed, under warn-only, without having seen everything.
func Incomplete() verdict.Result {
	r := Indeterminate()
	f := Failed()
	r.Findings = f.Findings[:3]
	r.Enforced = false
	r.Verdict.Decision, r.Verdict.Incomplete = verdict.Fail, true
	r.Verdict.Reasons = append([]verdict.Reason{f.Verdict.Reasons[4]}, r.Verdict.Reasons...)
	return r
}

// Runs are the results above by name.
func Runs() map[string]verdict.Result {
	return map[string]verdict.Result{
		"fail": Failed(), "pass": Passed(), "unacted": Unacted(), "indeterminate": Indeterminate(), "incomplete": Incomplete(),
	}
}

// Many is a result with n findings, half of them vulnerabilities.
func Many(n int) verdict.Result {
	r := Failed()
	unpinned := r.Findings[0]
	r.Findings = make([]finding.Finding, 0, n)
	for i := range n / 2 {
		unpinned.Location.Line = i + 1
		r.Findings = append(r.Findings, unpinned)
	}
	for i := range n - n/2 {
		r.Findings = append(r.Findings, Vulnerability(fmt.Sprintf("CVE-2026-%d", 10_000+i), fmt.Sprintf("package-%d", i%250), "1.0", "1.1", finding.High))
	}
	return r
}

// Strings are what foreign text may hold to become more than text.
func Strings() []string {
	return []string{
		"plain", "\x1b[2J\x1b]0;title\x07", "a\u202eb\u2066c", "line\n# heading\r\n- list\n\n<h1>", "\u2028x\u0085y\u009b31m", "zero\u200bwidth\ufeff\u00ad\U000e0041",
		"<script>alert(1)</script>", "</details></summary></pre></code>", "<!-- plimsoll:1 -->", "--> x", "| a | b |", "\\| \\", "`code` ``` ~~~", "**b** _i_ ~~s~~",
		"[x](https://evil.example)", "![x](https://evil.example/p.png)", "https://evil.example www.evil.example a@b.co mailto:a@b.co xmpp:a@b.co", "<https://evil.example>",
		"[ref]: https://evil.example", "[^1]: foot", "@octocat @acme/team", "#12 acme/app#3 GH-1 gh-22", ":white_check_mark: :tada:", "$x^2$ $$y$$", "&lt;b&gt; &#60;b&#62; &amp;",
		"::error::x", "##[error]x", "1. a", "- [ ] task", "> quote", "    indented", "===", "---", "\xff\xfe", strings.Repeat("@", 5000), strings.Repeat("<", 5000), "",
	}
}

// Commits of the runs below.
const (
	Head = "3b1c9d0aa7c1f3e5d2b4860f9e8d7c6b5a493827"
	Base = "9f2c4e6a8b0d1f3e5c7a9b8d6f4e2c0a1b3d5f70"
)

// Run is of a pull request.
func Run() *verdict.Run {
	return &verdict.Run{
		Event: "pull_request", Server: "https://github.com", Repository: "acme/shop", Workflow: ".github/workflows/gate.yml", Job: "gate",
		ID: 123456789, Attempt: 1, Ref: "refs/pull/42/merge", Commit: "77aa00112233445566778899aabbccddeeff0011", Head: Head, Pull: 42,
	}
}

// Hostile has s in every field that holds text.
func Hostile(s string) verdict.Result {
	r := Failed()
	r.Evidence = Passed().Evidence
	r.Evidence = append(r.Evidence, verdict.Evidence{})
	r.Acted = Passed().Acted
	r.Findings = slices.Clone(r.Findings[:12])
	for i := range r.Findings {
		r.Findings[i].Status = finding.Status(i % 5)
	}
	r.Run, r.Compared = Run(), &verdict.Compared{}
	r.Refused, r.Degraded = []string{""}, []string{""}
	fill(reflect.ValueOf(&r).Elem(), s)
	r.Run.Server, r.Run.Repository, r.Run.Head = "https://github.com", "acme/shop", Head // so that links are built
	return r
}

func fill(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Pointer:
		if !v.IsNil() {
			fresh := reflect.New(v.Type().Elem())
			fresh.Elem().Set(v.Elem())
			fill(fresh.Elem(), s)
			v.Set(fresh)
		}
	case reflect.Slice:
		fresh := reflect.MakeSlice(v.Type(), v.Len(), v.Len()) // rules are shared between results
		reflect.Copy(fresh, v)
		for i := range v.Len() {
			fill(fresh.Index(i), s)
		}
		v.Set(fresh)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for _, field := range v.Fields() {
			fill(field, s)
		}
	default:
	}
}
