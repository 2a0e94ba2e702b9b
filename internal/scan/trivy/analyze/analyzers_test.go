package analyze

import (
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aquasecurity/trivy/pkg/detector/ospkg"
	"github.com/aquasecurity/trivy/pkg/fanal/analyzer"
	ftypes "github.com/aquasecurity/trivy/pkg/fanal/types"
	"github.com/aquasecurity/trivy/pkg/types"
	"github.com/google/go-cmp/cmp"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := New(nil).Close(); err != nil {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}

// TestAnalyzersByName pins what looks at an image: an update of Trivy that adds
// an analyzer, one that reaches for a network say, has to be looked at first.
func TestAnalyzersByName(t *testing.T) {
	names := func(base, packages, secrets bool) string {
		group, err := New(nil).router.group(&sink{}, analyzer.AnalyzerOptions{DisabledAnalyzers: disabled(base, packages, secrets)})
		if err != nil {
			t.Fatal(err)
		}
		versions := group.AnalyzerVersions()
		list := slices.Concat(slices.Collect(maps.Keys(versions.Analyzers)), slices.Collect(maps.Keys(versions.PostAnalyzers)))
		slices.Sort(list)
		return strings.Join(list, " ")
	}
	inventory := "alma alpine amazon apk apk-repo bottlerocket-inventory cargo centos composer-vendor conda-pkg debian dotnet-core " +
		"dpkg fedora gemspec gobinary julia node-pkg nuget oracle os-release packages-props python-egg python-pkg rapidfort-curated " +
		"redhat redhat-content-manifest redhat-dockerfile rocky rpm rpmqa rustbinary"
	for _, test := range []struct {
		base, packages, secrets bool
		want                    string
	}{
		{false, true, false, inventory + " ubuntu ubuntu-esm"},
		{false, true, true, inventory + " secret ubuntu ubuntu-esm"},
		{true, true, true, inventory + " sbom ubuntu ubuntu-esm"},
		{false, false, true, "secret"},
		{true, false, true, ""},
	} {
		if diff := cmp.Diff(test.want, names(test.base, test.packages, test.secrets)); diff != "" {
			t.Errorf("base %v, packages %v, secrets %v: %s", test.base, test.packages, test.secrets, diff)
		}
	}
}

// Another default logger would make failures of analyzers go unseen.
func TestReplacedLoggerIsAnError(t *testing.T) {
	a := New(nil)
	before := slog.Default()
	defer slog.SetDefault(before)
	slog.SetDefault(slog.New(slog.DiscardHandler))
	if _, err := a.router.group(&sink{}, analyzer.AnalyzerOptions{}); err == nil || !strings.Contains(err.Error(), "logger") {
		t.Errorf("got %v", err)
	}
}

// The list of supported distributions is Trivy's.
func TestSupportedSystems(t *testing.T) {
	New(nil) // takes Trivy's warnings
	for _, family := range []ftypes.OSType{
		ftypes.ActiveState, ftypes.Alma, ftypes.Alpine, ftypes.Amazon, ftypes.Azure, ftypes.Bottlerocket, ftypes.CBLMariner,
		ftypes.CentOS, ftypes.CentOSStream, ftypes.Chainguard, ftypes.CoreOS, ftypes.Debian, ftypes.Echo, ftypes.Fedora, ftypes.MinimOS,
		ftypes.OpenSUSE, ftypes.OpenSUSELeap, ftypes.OpenSUSETumbleweed, ftypes.Oracle, ftypes.Photon, ftypes.RedHat, ftypes.Rocky,
		ftypes.SLEMicro, ftypes.SLES, ftypes.Ubuntu, ftypes.Wolfi,
	} {
		_, err := ospkg.NewDetector(types.ScanTarget{OS: ftypes.OS{Family: family, Name: "1"}})
		if ours := slices.Contains(supported, family); ours != (err == nil) {
			t.Errorf("%s: supported %v, Trivy says %v", family, ours, err)
		}
	}
}
