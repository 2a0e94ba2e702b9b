package finding_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

var update = flag.Bool("update", false, "write the fingerprints of new vectors; those that exist are never changed")

const vectors = "testdata/fingerprints.txtar"

func TestFingerprintVectors(t *testing.T) {
	t.Parallel()
	archive, err := txtar.ParseFile(vectors)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for i := 0; i+1 < len(archive.Files); i += 2 {
		input, want := archive.Files[i], &archive.Files[i+1]
		name, _ := strings.CutSuffix(input.Name, ".json")
		if want.Name != name+".want" {
			t.Fatalf("%s: %s is followed by %s, want %s.want", vectors, input.Name, want.Name, name)
		}
		var findings []finding.Finding
		if err := json.Unmarshal(input.Data, &findings); err != nil {
			t.Fatalf("%s: %s: %v", vectors, input.Name, err)
		}
		prints := finding.Fingerprints(findings)
		got := strings.Join(prints, "\n") + "\n"
		if *update && len(want.Data) == 0 {
			want.Data = []byte(got)
		}
		if diff := cmp.Diff(string(want.Data), got); diff != "" {
			t.Errorf("%s: %s: fingerprints changed (-want +got); everything stored would forget what it knew:\n%s", vectors, want.Name, diff)
		}
		for j, p := range prints {
			if other, twice := seen[p]; twice {
				t.Errorf("%s[%d] has the fingerprint of %s", name, j, other)
			}
			seen[p] = name
		}
	}
	if *update {
		if err := os.WriteFile(vectors, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func lint() finding.Finding {
	return finding.Finding{
		Rule: finding.Rule{ID: "RES-1.a", Severity: finding.Medium}, Severity: finding.Medium,
		Subject: "Deployment/shop/web", Path: "containers[app].resources", Message: "no resources",
		Location: finding.Location{Path: "deploy/app.yaml", Line: 17, Column: 11, EndLine: 18, EndColumn: 3},
		Excerpt:  "name: app\n  image: web", SourceLine: "      - name: app",
	}
}

func vulnerability() finding.Finding {
	return finding.Finding{
		Rule: finding.Rule{ID: "VUL-OS"}, Severity: finding.High, Subject: "CVE-2020-28928 pkg:apk/alpine/musl", Excerpt: "1.1.24-r2",
		Vulnerability: &finding.Vulnerability{ID: "CVE-2020-28928", Package: "musl", Installed: "1.1.24-r2", FixedIn: "1.1.24-r3"},
	}
}

// What may change without making another finding of it, and what may not.
func TestFingerprintStability(t *testing.T) {
	t.Parallel()
	type change struct {
		of   func() finding.Finding
		with func(*finding.Finding)
	}
	tests := map[string]struct {
		change
		same bool
	}{
		"moved lines":           {change{lint, func(f *finding.Finding) { f.Location.Line, f.Location.EndLine = 90, 91 }}, true},
		"re-indented":           {change{lint, func(f *finding.Finding) { f.Excerpt, f.Location.Column = "name:   app\n\t\timage: web", 3 }}, true},
		"re-wrapped":            {change{lint, func(f *finding.Finding) { f.Excerpt = "name: app image: web" }}, true},
		"a renamed file":        {change{lint, func(f *finding.Finding) { f.Location.Path = "k8s/web.yaml" }}, true},
		"another wording":       {change{lint, func(f *finding.Finding) { f.Message = "add resources" }}, true},
		"another severity":      {change{lint, func(f *finding.Finding) { f.Severity = finding.Low; f.Rule.Severity = finding.Low }}, true},
		"suppressed":            {change{lint, func(f *finding.Finding) { f.Suppressed = &finding.Suppressed{Reason: "x"} }}, true},
		"compared":              {change{lint, func(f *finding.Finding) { f.Status = finding.Introduced }}, true},
		"another installed one": {change{vulnerability, func(f *finding.Finding) { f.Excerpt = "1.1.24-r1"; f.Vulnerability.Installed = "1.1.24-r1" }}, true},
		"another layer":         {change{vulnerability, func(f *finding.Finding) { f.Layer = "sha256:1"; f.Vulnerability.LayerDiffID = "sha256:1" }}, true},
		"another rule":          {change{lint, func(f *finding.Finding) { f.Rule.ID = "RES-1.b" }}, false},
		"another object":        {change{lint, func(f *finding.Finding) { f.Subject = "Deployment/shop/api" }}, false},
		"another container":     {change{lint, func(f *finding.Finding) { f.Path = "containers[log].resources" }}, false},
		"other text":            {change{lint, func(f *finding.Finding) { f.Excerpt = "name: app2" }}, false},
		"text glued together":   {change{lint, func(f *finding.Finding) { f.Excerpt = "name:appimage:web" }}, false},
		"another advisory":      {change{vulnerability, func(f *finding.Finding) { f.Subject = "CVE-2019-14697 pkg:apk/alpine/musl" }}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, after := test.of(), test.of()
			test.with(&after)
			a, b := finding.Fingerprints([]finding.Finding{before})[0], finding.Fingerprints([]finding.Finding{after})[0]
			if (a == b) != test.same {
				t.Errorf("same is %v, want %v", a == b, test.same)
			}
		})
	}
}

// Equal findings are told apart by how many came before, and what stands between
// them takes no part.
func TestFingerprintOrdinals(t *testing.T) {
	t.Parallel()
	other := vulnerability()
	alone := finding.Fingerprints([]finding.Finding{lint(), lint(), lint()})
	mixed := finding.Fingerprints([]finding.Finding{lint(), other, lint(), other, lint()})
	if diff := cmp.Diff(alone, []string{mixed[0], mixed[2], mixed[4]}); diff != "" {
		t.Errorf("what stands between changes ordinals:\n%s", diff)
	}
	if alone[0] == alone[1] || alone[1] == alone[2] || mixed[1] == mixed[3] {
		t.Error("equal findings share a fingerprint")
	}
	if first := finding.Fingerprints([]finding.Finding{lint()}); first[0] != alone[0] {
		t.Error("a second finding changed the first one's fingerprint")
	}
}

func FuzzFingerprints(f *testing.F) {
	f.Add("USR-1.a", "Dockerfile#0", "", "USER root")
	f.Add("a\x00b", "c", "d\x00", "\xff\n\t")
	f.Fuzz(func(t *testing.T, rule, subject, path, excerpt string) {
		one := finding.Finding{Rule: finding.Rule{ID: rule}, Subject: subject, Path: path, Excerpt: excerpt}
		indented := one
		indented.Excerpt = "\n\t " + strings.ReplaceAll(excerpt, " ", "  \n ") + " \r\n"
		indented.Location = finding.Location{Path: subject, Line: 7, Column: 3}
		prints := finding.Fingerprints([]finding.Finding{one, one})
		for _, p := range prints {
			if len(p) != 32 || strings.Trim(p, "0123456789abcdef") != "" {
				t.Errorf("%q is not 32 hexadecimal digits", p)
			}
		}
		if prints[0] == prints[1] {
			t.Error("two equal findings share a fingerprint")
		}
		if again := finding.Fingerprints([]finding.Finding{indented}); again[0] != prints[0] {
			t.Error("white space or the place changed the fingerprint")
		}
	})
}

func TestSeverityText(t *testing.T) {
	t.Parallel()
	for s := finding.Unknown; s <= finding.Critical; s++ {
		text, err := s.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range [][]byte{text, bytes.ToUpper(text), []byte(" " + string(text) + "\n")} {
			got := finding.Severity(-1)
			if err := got.UnmarshalText(form); err != nil || got != s {
				t.Errorf("%q became %v, %v; want %v", form, got, err, s)
			}
		}
	}
	for _, text := range []string{"", "severe", "crit", "0"} {
		s := finding.High
		err := s.UnmarshalText([]byte(text))
		if err == nil || !strings.Contains(err.Error(), "critical, high, medium, low, info") {
			t.Errorf("%q: the error does not list what is allowed: %v", text, err)
		}
		if s != finding.High {
			t.Errorf("%q changed the severity to %v", text, s)
		}
	}
	if got := finding.Severity(99).String() + finding.Severity(-1).String(); got != "unknownunknown" {
		t.Errorf("out of range is %q", got)
	}
	all := []finding.Severity{finding.Critical, finding.High, finding.Medium, finding.Low, finding.Info}
	for i := range len(all) - 1 {
		if all[i] <= all[i+1] {
			t.Errorf("%v stands before %v", all[i], all[i+1])
		}
	}
}

func TestStatusText(t *testing.T) {
	t.Parallel()
	for s := finding.NotCompared; s <= finding.Fixed; s++ {
		text, err := s.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		got := finding.Status(-1)
		if err := got.UnmarshalText(text); err != nil || got != s {
			t.Errorf("%q became %v, %v; want %v", text, got, err, s)
		}
	}
	got := finding.Fixed
	if err := got.UnmarshalText([]byte("of a later release")); err != nil || got != finding.NotCompared {
		t.Errorf("an unknown status became %v, %v", got, err)
	}
}

func TestSort(t *testing.T) {
	t.Parallel()
	at := func(s finding.Severity, path string, line, column int, message string) finding.Finding {
		return finding.Finding{Severity: s, Message: message, Location: finding.Location{Path: path, Line: line, Column: column}}
	}
	want := []finding.Finding{
		at(finding.Critical, "z", 9, 9, "a"), at(finding.High, "a", 1, 1, "a"), at(finding.High, "a", 1, 2, "a"), at(finding.High, "a", 2, 1, "a"),
		at(finding.High, "b", 1, 1, "a"), at(finding.High, "b", 1, 1, "b"), at(finding.Info, "a", 1, 1, "a"), at(finding.Unknown, "a", 1, 1, "a"),
	}
	got := []finding.Finding{want[5], want[7], want[3], want[0], want[4], want[2], want[6], want[1]}
	finding.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func BenchmarkFingerprints(b *testing.B) {
	findings := make([]finding.Finding, 10_000)
	for i := range findings {
		findings[i] = lint()
		findings[i].Subject = strings.Repeat("x", i%50)
	}
	b.ReportAllocs()
	for b.Loop() {
		finding.Fingerprints(findings)
	}
}
