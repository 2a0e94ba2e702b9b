package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// promise is a finding that the bad ship must be given: the rule, and the line
// that it stands on, by what that line holds.
type promise struct {
	rule, path, line string
	about            string // package of a vulnerability
}

// promises of the bad ship.
var promises = []promise{
	{rule: "IMG-3.b", path: "Dockerfile", line: "FROM "},
	{rule: "USR-1.a", path: "Dockerfile", line: "FROM "},
	{rule: "SEC-1.a", path: "Dockerfile", line: "ENV API_TOKEN"},
	{rule: "PRB-4.a", path: "Dockerfile", line: "CMD greeter"},
	{rule: "IMG-4.a", path: "deploy/greeter.yaml", line: "greeter:latest"},
	{rule: "RES-1.a", path: "deploy/greeter.yaml", line: "- name: greeter"},
	{rule: "PRB-1.a", path: "deploy/greeter.yaml", line: "- name: greeter"},
	{rule: "USR-3.a", path: "deploy/greeter.yaml", line: "- name: greeter"},
	{rule: "IMG-3.e", path: "Dockerfile", line: "FROM "},
	{rule: "VUL-OS", path: "Dockerfile", line: "FROM ", about: "apk-tools"},
	{rule: "VUL-OS", path: "Dockerfile", line: "FROM ", about: "libssl1.1"},
	{rule: "VUL-LANG", path: "Dockerfile", line: "COPY bin/greeter", about: "golang.org/x/text"},
}

// refused checks that the bad ship, which lies in dir, failed for the right
// reasons, on the right lines, and left no trace.
func refused(r verdict.Result, dir string, writes []registrytest.Entry) error {
	if r.Verdict.Decision != verdict.Fail || r.Verdict.Incomplete {
		return fmt.Errorf("%w: the verdict is %s (incomplete: %t), want fail", errPromise, r.Verdict.Decision, r.Verdict.Incomplete)
	}
	if len(writes) > 0 || r.Acted != nil {
		return fmt.Errorf("%w: the registry saw %v, acted %+v", errPromise, writes, r.Acted)
	}
	for _, p := range promises {
		if err := p.kept(r.Findings, dir); err != nil {
			return err
		}
	}
	return nil
}

// kept looks for a finding of the rule, and at the line of each that it finds.
func (p promise) kept(findings []finding.Finding, dir string) error {
	source, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(p.path)))
	if err != nil {
		return fmt.Errorf("reading the ship: %w", err)
	}
	lines, found := strings.Split(string(source), "\n"), false
	for _, f := range findings {
		if f.Rule.ID != p.rule || (p.about != "" && (f.Vulnerability == nil || f.Vulnerability.Package != p.about)) {
			continue
		}
		at := f.Location
		if at.Path != p.path || at.Line < 1 || at.Line > len(lines) || !strings.Contains(lines[at.Line-1], p.line) {
			return fmt.Errorf("%w: a finding of %s %s stands on %s:%d, want the line of %q in %s", errPromise, p.rule, p.about, at.Path, at.Line, p.line, p.path)
		}
		found = true
	}
	if !found {
		return fmt.Errorf("%w: there is no finding of %s %s", errPromise, p.rule, p.about)
	}
	return nil
}

// sailed checks that the good ship passed, was signed, and is what its tag names.
func sailed(r verdict.Result, tagged string) error {
	if r.Verdict.Decision != verdict.Pass || r.Acted == nil || !r.Acted.Done || r.Acted.Signed == "" {
		return fmt.Errorf("%w: the verdict is %s, acted %+v", errPromise, r.Verdict.Decision, r.Acted)
	}
	if len(r.Subjects) != 1 || r.Subjects[0].Digest != tagged {
		return fmt.Errorf("%w: the tag names %q and the verdict is about %+v", errPromise, tagged, r.Subjects)
	}
	for _, e := range r.Evidence {
		if e.Verified {
			return nil
		}
	}
	return fmt.Errorf("%w: no signature was verified", errPromise)
}
