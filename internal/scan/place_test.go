package scan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
)

func TestPlace(t *testing.T) {
	line := finding.Location{Path: "Dockerfile", Line: 4, EndLine: 5}
	from := finding.Location{Path: "Dockerfile", Line: 1, EndLine: 1}
	findings := []finding.Finding{
		{Rule: scan.SecretInLayer, Layer: "sha256:a", Location: finding.Location{Artifact: "shop/web:1"}},
		{Vulnerability: &finding.Vulnerability{LayerDiffID: "sha256:b"}, Location: finding.Location{Artifact: "pkg:apk/alpine/musl"}},
		{Vulnerability: &finding.Vulnerability{LayerDiffID: "sha256:unknown"}, Location: finding.Location{Artifact: "pkg:npm/x"}},
		{Rule: scan.SecretInConfig, Location: finding.Location{Artifact: "shop/web:1"}},
	}
	scan.Place(findings,
		map[string]finding.Location{"sha256:a": line, "sha256:b": from, "": {Path: "never"}},
		map[string]bool{"sha256:b": true})
	want := []finding.Location{
		{Path: "Dockerfile", Line: 4, EndLine: 5, Artifact: "shop/web:1"},
		{Path: "Dockerfile", Line: 1, EndLine: 1, Artifact: "pkg:apk/alpine/musl"},
		{Artifact: "pkg:npm/x"},
		{Artifact: "shop/web:1"},
	}
	for i, f := range findings {
		if diff := cmp.Diff(want[i], f.Location); diff != "" {
			t.Errorf("finding %d: %s", i, diff)
		}
		if f.Vulnerability != nil && f.Vulnerability.FromBase != (i == 1) {
			t.Errorf("finding %d: FromBase %v", i, f.Vulnerability.FromBase)
		}
	}
}
