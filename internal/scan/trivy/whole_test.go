package trivy_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy/analyze"
	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy/db"
	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy/dbbuild"
)

// TestRealImages goes the whole way with real Alpine images, which lie in
// Trivy's module, and real advisories: walk, inventory, database, findings.
func TestRealImages(t *testing.T) {
	now := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	if err := dbbuild.Build(t.Context(), os.DirFS("../../../testdata/advisories"), dir, now); err != nil {
		t.Fatal(err)
	}
	database, unread, err := db.New(http.DefaultTransport, nil).Open(t.Context(), scan.DatabaseOptions{Path: dir, Now: now}, nil)
	if err != nil || len(unread) != 0 {
		t.Fatal(unread, err)
	}
	defer database.Close()
	module, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/aquasecurity/trivy").Output()
	if err != nil {
		t.Fatalf("finding Trivy's module, whose test images are read here: %v", err)
	}
	testdata := filepath.Join(strings.TrimSpace(string(module)), "pkg/fanal/test/testdata")

	// Counted by hand from testdata/advisories and the packages of the images: openssl and
	// busybox are two packages each, musl too; one medium is the end of life.
	for name, want := range map[string]map[string]int{
		"alpine-310": {"critical": 1, "high": 7, "medium": 7, "unknown": 6},
		"alpine-311": {"critical": 3, "high": 9, "medium": 7, "unknown": 26},
	} {
		t.Run(name, func(t *testing.T) {
			img, err := image.Open(filepath.Join(testdata, name+".tar.gz"), t.TempDir(), image.Choice{})
			if err != nil {
				t.Fatal(err)
			}
			visit, err := analyze.New(nil).NewVisit(t.Context(), img, scan.Options{Packages: true, BaseLayers: -1})
			if err != nil {
				t.Fatal(err)
			}
			defer visit.Close()
			if err := layer.Walk(t.Context(), img, layer.DefaultLimits(), visit); err != nil {
				t.Fatal(err)
			}
			seen, err := visit.Result(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			found, unread, err := database.Match(t.Context(), seen.Inventory, img)
			if err != nil || len(unread) != 0 {
				t.Fatal(unread, err)
			}
			got := map[string]int{}
			lowest := img.Config.RootFS.DiffIDs[0].String()
			for _, f := range found {
				got[f.Severity.String()]++
				if f.Layer == "" {
					t.Errorf("%s has no layer", f.Subject)
				}
				if f.Vulnerability != nil && f.Vulnerability.Package == "musl" && f.Layer != lowest {
					t.Errorf("musl is placed in layer %s, want the lowest %s", f.Layer, lowest)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("findings by severity (-want +got):\n%s", diff)
			}
			prints := map[string]bool{}
			for _, p := range finding.Fingerprints(found) {
				prints[p] = true
			}
			if len(prints) != len(found) {
				t.Errorf("%d fingerprints for %d findings", len(prints), len(found))
			}
		})
	}
}
