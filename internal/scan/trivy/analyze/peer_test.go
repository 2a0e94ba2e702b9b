package analyze_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aquasecurity/trivy/pkg/cache"
	"github.com/aquasecurity/trivy/pkg/fanal/analyzer"
	"github.com/aquasecurity/trivy/pkg/fanal/applier"
	"github.com/aquasecurity/trivy/pkg/fanal/artifact"
	aimage "github.com/aquasecurity/trivy/pkg/fanal/artifact/image"
	_ "github.com/aquasecurity/trivy/pkg/fanal/handler/sysfile"
	ftypes "github.com/aquasecurity/trivy/pkg/fanal/types"
	diff "github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy/analyze"
)

// peer is an image as Trivy wants to be given it.
type peer struct {
	v1.Image
	img image.Image
}

func (p peer) Name() string          { return p.img.Reference }
func (p peer) ID() (string, error)   { return p.img.ID.String(), nil }
func (p peer) RepoTags() []string    { return nil }
func (p peer) RepoDigests() []string { return nil }

// peerDetail inspects an image as Trivy's own command does.
func peerDetail(t testing.TB, img image.Image) ftypes.ArtifactDetail {
	t.Helper()
	memory := cache.NewMemoryCache()
	off := append([]analyzer.Type{analyzer.TypeSecret, analyzer.TypeRpmArchive, analyzer.TypeDpkgLicense}, analyzer.TypeLockfiles...)
	art, err := aimage.NewArtifact(peer{img.Image, img}, memory, artifact.Option{DisabledAnalyzers: off, NoProgress: true, Offline: true})
	check(t, err)
	ref, err := art.Inspect(t.Context())
	check(t, err)
	detail, err := applier.NewApplier(memory).ApplyLayers(t.Context(), ref.ID, ref.BlobIDs)
	check(t, err)
	return detail
}

// lines writes packages in a form to compare: all that a match looks at.
func lines(os ftypes.Packages, apps []ftypes.Application) []string {
	var out []string
	line := func(kind string, p ftypes.Package) {
		purl := ""
		if p.Identifier.PURL != nil {
			purl = p.Identifier.PURL.String()
		}
		out = append(out, fmt.Sprintf("%s %s %d:%s-%s src %s %d:%s-%s %s %s %s %s", kind, p.Name, p.Epoch, p.Version, p.Release,
			p.SrcName, p.SrcEpoch, p.SrcVersion, p.SrcRelease, p.Arch, p.FilePath, p.Layer.DiffID, purl))
	}
	for _, p := range os {
		line("os", p)
	}
	for _, app := range apps {
		for _, p := range app.Packages {
			line(string(app.Type)+" "+app.FilePath, p)
		}
	}
	slices.Sort(out)
	return out
}

// TestSamePackagesAsTrivy compares with Trivy's own inspection of real images.
func TestSamePackagesAsTrivy(t *testing.T) {
	mixed := build(
		t, nil,
		files{
			"etc/debian_version":                                   "12.5\n",
			"var/lib/dpkg/status":                                  dpkgBash,
			"var/lib/dpkg/info/bash.md5sums":                       "00000000000000000000000000000000  usr/lib/python3/dist-packages/owned-1.egg-info\n",
			"usr/lib/python3/dist-packages/owned-1.egg-info":       "Name: owned\nVersion: 1.0\n\n",
			"usr/lib/python3/dist-packages/free-1.egg-info":        "Name: free\nVersion: 1.0\n\n",
			"usr/lib/python3/site-packages/a-1.dist-info/METADATA": "Name: a\nVersion: 1.0\n\n",
			"app/node_modules/x/package.json":                      `{"name":"x","version":"1.0.0","license":"MIT"}`,
			"app/node_modules/y/package.json":                      `{"name":"y","version":"1.0.0"}`,
		},
		files{
			"var/lib/dpkg/status":                                    dpkgBash + strings.Replace(dpkgBash, "bash", "zlib1g", 1),
			"app/node_modules/.wh.y":                                 "",
			"app/node_modules/z/package.json":                        `{"name":"z","version":"1.0.0"}`,
			"usr/lib/ruby/gems/3.0.0/specifications/rake-13.gemspec": "Gem::Specification.new do |s|\n  s.name = \"rake\".freeze\n  s.version = \"13.0.3\"\nend\n",
		},
		files{"app/node_modules/.wh..wh..opq": "", "app/node_modules/w/package.json": `{"name":"w","version":"1.0.0"}`},
	)
	for _, test := range []struct {
		img                 image.Image
		os                  string
		packages, languages int
	}{
		{trivyImage(t, "alpine-310.tar.gz"), "alpine 3.10.4", 14, 0},
		{trivyImage(t, "alpine-311.tar.gz"), "alpine 3.11.5", 14, 0},
		{trivyImage(t, "distroless.tar.gz"), "debian 9.12", 6, 0},
		{trivyImage(t, "vuln-image.tar.gz"), "debian 9.9", 6, 0},
		{mixed, "debian 12.5", 6, 4},
	} {
		t.Run(test.img.Reference, func(t *testing.T) {
			a, d := run(t, test.img, packages)
			wantNothingUnread(t, a)
			want := peerDetail(t, test.img)
			if got := diff.Diff(lines(want.Packages, want.Applications), lines(d.Packages, d.Applications)); got != "" {
				t.Errorf("packages, Trivy's against ours:\n%s", got)
			}
			if d.OS != want.OS || !diff.Equal(d.Repository, want.Repository) {
				t.Errorf("system %+v %+v, Trivy says %+v %+v", d.OS, d.Repository, want.OS, want.Repository)
			}
			if i := a.Inventory; i.OS != test.os || i.Packages != test.packages || i.Languages != test.languages {
				t.Errorf("inventory %q with %d packages, %d of languages", i.OS, i.Packages, i.Languages)
			}
		})
	}
}

// BenchmarkAnalyze walks and analyzes real images that lie uncompressed in a layout.
func BenchmarkAnalyze(b *testing.B) {
	for _, name := range []string{"alpine-311.tar.gz", "vuln-image.tar.gz"} {
		img := trivyImage(b, name)
		for _, opts := range []scan.Options{{Packages: true}, {Packages: true, Secrets: true, BaseLayers: -1}} {
			b.Run(fmt.Sprintf("%s/secrets=%v", name, opts.Secrets), func(b *testing.B) {
				b.ReportAllocs()
				a := analyze.New(nil)
				for b.Loop() {
					visit, err := a.NewVisit(b.Context(), img, opts)
					check(b, err)
					if err := layer.Walk(b.Context(), img, layer.DefaultLimits(), visit); err != nil {
						b.Fatal(err)
					}
					if _, err := visit.Result(b.Context()); err != nil {
						b.Fatal(err)
					}
					check(b, visit.Close())
				}
			})
		}
	}
}
