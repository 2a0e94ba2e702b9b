package match_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	trivydb "github.com/aquasecurity/trivy-db/pkg/db"
	dbtypes "github.com/aquasecurity/trivy-db/pkg/types"
	ftypes "github.com/aquasecurity/trivy/pkg/fanal/types"
	"github.com/aquasecurity/trivy/pkg/scan/langpkg"
	"github.com/aquasecurity/trivy/pkg/scan/ospkg"
	"github.com/aquasecurity/trivy/pkg/types"
	"github.com/aquasecurity/trivy/pkg/vulnerability"
	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy"
	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy/dbbuild"
	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy/match"
)

var now = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// database builds the small one once per test and returns its file.
func database(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := dbbuild.Build(t.Context(), os.DirFS("../../../../testdata/advisories"), dir, now); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "trivy.db")
}

func open(t testing.TB, file string) *match.Matcher {
	t.Helper()
	m, err := match.Open(file, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func inventory(t testing.TB, d trivy.Detail) scan.Inventory {
	t.Helper()
	raw, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return scan.Inventory{Detail: raw}
}

func apk(name, version, source string) ftypes.Package {
	return ftypes.Package{
		ID: name + "@" + version, Name: name, Version: version, SrcName: source, SrcVersion: version, Arch: "x86_64",
		Layer: ftypes.Layer{DiffID: "sha256:aa"},
	}
}

// alpine311 is what Trivy's test image alpine-311 holds.
func alpine311() trivy.Detail {
	return trivy.Detail{
		OS: ftypes.OS{Family: ftypes.Alpine, Name: "3.11.5"},
		Packages: ftypes.Packages{
			apk("musl", "1.1.24-r2", "musl"), apk("busybox", "1.31.1-r9", "busybox"),
			apk("alpine-baselayout", "3.2.0-r3", "alpine-baselayout"), apk("alpine-keys", "2.1-r2", "alpine-keys"),
			apk("libcrypto1.1", "1.1.1d-r3", "openssl"), apk("libssl1.1", "1.1.1d-r3", "openssl"),
			apk("ca-certificates-cacert", "20191127-r1", "ca-certificates"), apk("libtls-standalone", "2.9.1-r0", "libtls-standalone"),
			apk("ssl_client", "1.31.1-r9", "busybox"), apk("zlib", "1.2.11-r3", "zlib"), apk("apk-tools", "2.10.4-r3", "apk-tools"),
			apk("scanelf", "1.2.4-r0", "pax-utils"), apk("musl-utils", "1.1.24-r2", "musl"), apk("libc-utils", "0.7.2-r0", "libc-dev"),
		},
	}
}

func npm(path, name, version string) ftypes.Package {
	return ftypes.Package{ID: name + "@" + version, Name: name, Version: version, FilePath: path, Layer: ftypes.Layer{DiffID: "sha256:bb"}}
}

func applications() trivy.Detail {
	return trivy.Detail{Applications: []ftypes.Application{
		{Type: ftypes.NodePkg, Packages: ftypes.Packages{
			npm("app/node_modules/lodash/package.json", "lodash", "4.17.20"),
			npm("app/node_modules/tool/node_modules/lodash/package.json", "lodash", "4.17.20"),
			npm("app/node_modules/minimist/package.json", "minimist", "1.2.5"),
			npm("app/node_modules/fine/package.json", "fine", "1.0.0"),
		}},
		{Type: ftypes.GoBinary, FilePath: "usr/bin/server", Packages: ftypes.Packages{
			{ID: "stdlib@v1.25.3", Name: "stdlib", Version: "v1.25.3"},
			{ID: "golang.org/x/text@v0.38.0", Name: "golang.org/x/text", Version: "v0.38.0"},
			{ID: "example.com/server", Name: "example.com/server", Relationship: ftypes.RelationshipRoot},
		}},
	}}
}

func find(t *testing.T, found []finding.Finding, subject, path string) finding.Finding {
	t.Helper()
	for _, f := range found {
		if f.Subject == subject && f.Path == path {
			return f
		}
	}
	t.Fatalf("no finding %q at %q among %d", subject, path, len(found))
	return finding.Finding{}
}

func TestMatchAlpine(t *testing.T) {
	found, unread, err := open(t, database(t)).Match(t.Context(), inventory(t, alpine311()), image.Image{Reference: "shop/web:1"})
	if err != nil || len(unread) != 0 {
		t.Fatalf("unread %v, error %v", unread, err)
	}
	got := find(t, found, "CVE-2020-28928 pkg:apk/alpine/musl", "")
	want := finding.Finding{
		Rule: scan.VulnerableOS, Severity: finding.Medium, Subject: "CVE-2020-28928 pkg:apk/alpine/musl",
		Message:  `"musl 1.1.24-r2" has CVE-2020-28928; upgrade to 1.1.24-r3`,
		Location: finding.Location{Artifact: "shop/web:1"}, Excerpt: "1.1.24-r2", Layer: "sha256:aa",
		Vulnerability: &finding.Vulnerability{
			ID: "CVE-2020-28928", Package: "musl", PackageURL: "pkg:apk/alpine/musl@1.1.24-r2?distro=3.11.5",
			Installed: "1.1.24-r2", FixedIn: "1.1.24-r3", Status: "fixed", SeveritySource: "nvd", DataSource: "Alpine Secdb",
			URL: "https://avd.aquasec.com/nvd/cve-2020-28928", LayerDiffID: "sha256:aa", AdvisoryModified: "2021-12-02",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("finding (-want +got):\n%s", diff)
	}
	if f := find(t, found, "CVE-2021-23840 pkg:apk/alpine/libssl1.1", ""); f.Severity != finding.Unknown {
		t.Errorf("an advisory that nobody rated has severity %s, want unknown", f.Severity)
	}
	end := find(t, found, "base alpine", "")
	if end.Rule.ID != "IMG-3.e" || end.Severity != finding.Medium || !strings.Contains(end.Message, `"alpine 3.11.5" is past its end of life`) {
		t.Errorf("end of life: %+v", end)
	}
	for _, f := range found {
		if strings.HasPrefix(f.Subject, "CVE-2021-42373") {
			t.Errorf("%s is filed as not affecting (fixed in 0) and was found: %s", f.Subject, f.Message)
		}
	}
}

func TestMatchLanguages(t *testing.T) {
	found, unread, err := open(t, database(t)).Match(t.Context(), inventory(t, applications()), image.Image{})
	if err != nil || len(unread) != 0 {
		t.Fatalf("unread %v, error %v", unread, err)
	}
	const lodash = "CVE-2021-23337 pkg:npm/lodash"
	first := find(t, found, lodash, "app/node_modules/lodash/package.json")
	second := find(t, found, lodash, "app/node_modules/tool/node_modules/lodash/package.json")
	if first.Severity != finding.High || first.Vulnerability.SeveritySource != "ghsa" {
		t.Errorf("lodash: %s by %q, want high by ghsa", first.Severity, first.Vulnerability.SeveritySource)
	}
	if diff := cmp.Diff([]string{"GHSA-35jh-r3h4-6jhm"}, first.Vulnerability.Aliases); diff != "" {
		t.Error(diff)
	}
	if want := `"lodash 4.17.20" has CVE-2021-23337 (Command Injection in lodash); upgrade to 4.17.21`; first.Message != want {
		t.Errorf("message %q, want %q", first.Message, want)
	}
	if prints := finding.Fingerprints([]finding.Finding{first, second}); prints[0] == prints[1] {
		t.Error("the same advisory in two places has one fingerprint")
	}
	if f := find(t, found, "CVE-2021-44906 pkg:npm/minimist", "app/node_modules/minimist/package.json"); f.Severity != finding.Critical ||
		!strings.HasSuffix(f.Message, "; upgrade to 1.2.6 or 0.2.4") {
		t.Errorf("minimist: %s %q", f.Severity, f.Message)
	}
	if f := find(t, found, "CVE-2026-33818 pkg:golang/stdlib", "usr/bin/server"); f.Severity != finding.Unknown {
		t.Errorf("the Go database rates nothing, and stdlib has severity %s", f.Severity)
	}
	if got := find(t, found, "CVE-2026-56852 pkg:golang/golang.org/x/text", "usr/bin/server").Vulnerability.FixedIn; got != "0.39.0" {
		t.Errorf("x/text is fixed in %q, want 0.39.0", got)
	}
}

// TestMatchAgreesWithTrivy runs Trivy's own scanners as its local service does.
func TestMatchAgreesWithTrivy(t *testing.T) {
	file := database(t)
	detail := alpine311()
	detail.Applications = applications().Applications
	ours, _, err := open(t, file).Match(t.Context(), inventory(t, detail), image.Image{})
	if err != nil {
		t.Fatal(err)
	}
	if err := trivydb.Init(filepath.Dir(file), trivydb.WithBoltOptions(&bolt.Options{ReadOnly: true, Timeout: time.Second})); err != nil {
		t.Fatal(err)
	}
	defer trivydb.Close()
	target := types.ScanTarget{Name: "x", OS: detail.OS, Packages: detail.Packages, Applications: detail.Applications}
	options := types.ScanOptions{
		Scanners: types.Scanners{types.VulnerabilityScanner}, PkgTypes: types.PkgTypes,
		PkgRelationships: ftypes.Relationships, VulnSeveritySources: []dbtypes.SourceID{"auto"},
	}
	results, err := langpkg.NewScanner().Scan(t.Context(), target, options)
	if err != nil {
		t.Fatal(err)
	}
	system, _, err := ospkg.NewScanner().Scan(t.Context(), target, options)
	if err != nil {
		t.Fatal(err)
	}
	type row struct{ ID, Package, Installed, Fixed, Severity, Path string }
	theirs := map[row]int{}
	for _, r := range append(results, system) {
		vulnerability.NewClient(trivydb.Config{}).FillInfo(r.Vulnerabilities, options.VulnSeveritySources)
		for _, v := range r.Vulnerabilities {
			path := v.PkgPath
			if path == "" && r.Class == types.ClassLangPkg {
				path = r.Target
			}
			theirs[row{v.VulnerabilityID, v.PkgName, v.InstalledVersion, v.FixedVersion, strings.ToLower(v.Severity), path}]++ //nolint:staticcheck // what FillInfo chose
		}
	}
	got := map[row]int{}
	for _, f := range ours {
		if v := f.Vulnerability; v != nil {
			got[row{v.ID, v.Package, v.Installed, v.FixedIn, f.Severity.String(), f.Path}]++
		}
	}
	if len(theirs) < 50 {
		t.Fatalf("Trivy finds %d vulnerabilities only: the comparison says nothing", len(theirs))
	}
	if diff := cmp.Diff(theirs, got); diff != "" {
		t.Errorf("vulnerabilities (-Trivy +ours):\n%s", diff)
	}
}

func TestMatchIsDeterministic(t *testing.T) {
	m := open(t, database(t))
	detail := alpine311()
	detail.Applications = applications().Applications
	first, _, err := m.Match(t.Context(), inventory(t, detail), image.Image{})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		again, _, err := m.Match(t.Context(), inventory(t, detail), image.Image{})
		if err != nil || !reflect.DeepEqual(first, again) {
			t.Fatalf("another order or content, error %v", err)
		}
	}
}

func TestWhatCannotBeMatchedIsUnread(t *testing.T) {
	m := open(t, database(t))
	with := func(change func(*trivy.Detail)) trivy.Detail {
		d := alpine311()
		change(&d)
		return d
	}
	app := func(kind ftypes.LangType, p ...ftypes.Package) trivy.Detail {
		return trivy.Detail{Applications: []ftypes.Application{{Type: kind, FilePath: "srv/app", Packages: p}}}
	}
	for _, test := range []struct {
		name   string
		detail trivy.Detail
		kind   finding.Kind
		cause  string
	}{
		{"release without data", with(func(d *trivy.Detail) { d.OS.Name = "3.23.1" }), finding.UnreadOS, `no data for "alpine 3.23.1" ("alpine 3.23")`},
		{"edge by its repositories", with(func(d *trivy.Detail) {
			d.Repository = &ftypes.Repository{Family: ftypes.Alpine, Release: "edge"}
		}), finding.UnreadOS, `("alpine edge")`},
		{"distribution without data", with(func(d *trivy.Detail) { d.OS = ftypes.OS{Family: ftypes.Debian, Name: "12.5"} }), finding.UnreadOS, `("debian 12")`},
		{"unknown to the detectors", with(func(d *trivy.Detail) { d.OS = ftypes.OS{Family: "fedora", Name: "41"} }), finding.UnreadOS, "publishes no advisories that Trivy reads"},
		{"detector that finds nothing", with(func(d *trivy.Detail) { d.OS = ftypes.OS{Family: ftypes.CoreOS, Name: "41"} }), finding.UnreadOS, "publishes no advisories that Trivy reads"},
		{"no package database", with(func(d *trivy.Detail) { d.Packages = nil }), finding.UnreadOS, "without a package database"},
		{"packages of nobody", with(func(d *trivy.Detail) { d.OS = ftypes.OS{} }), finding.UnreadOS, "14 packages of an operating system"},
		{"family none", with(func(d *trivy.Detail) { d.OS = ftypes.OS{Family: "none"} }), finding.UnreadOS, "which release of which distribution"},
		{"version that does not parse", with(func(d *trivy.Detail) { d.Packages[0].SrcVersion = "not a version" }), finding.UnreadOS, `"musl" has a version that cannot be compared`},
		{"third party", with(func(d *trivy.Detail) {
			d.Packages[0].Repository.Class = ftypes.RepositoryClassThirdParty
		}), finding.UnreadFile, `"musl" is not from alpine's own repositories`},
		{"rebuilt by a supplier without data", with(func(d *trivy.Detail) { d.OS.Supplier = ftypes.SupplierRapidFort }), finding.UnreadOS, `("rapidfort ")`},
		{"language without data", app(ftypes.GemSpec, ftypes.Package{Name: "rack", Version: "1.0.0"}), finding.UnreadDatabase, `holds no data for "rubygems"`},
		{"language without advisories", app(ftypes.CondaPkg, ftypes.Package{Name: "numpy", Version: "1.0.0"}), finding.UnreadLanguage, `kind "conda-pkg"`},
		{"package without a version", app(ftypes.GoBinary, ftypes.Package{Name: "example.com/x"}), finding.UnreadLanguage, `"example.com/x" has no version`},
		{"language version that does not parse", app(ftypes.NodePkg, ftypes.Package{Name: "x", Version: "latest"}), finding.UnreadLanguage, `"x" has the version "latest"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, unread, err := m.Match(t.Context(), inventory(t, test.detail), image.Image{Reference: "r"})
			if err != nil {
				t.Fatal(err)
			}
			if len(unread) != 1 || unread[0].Kind != test.kind || !strings.Contains(unread[0].Cause, test.cause) || unread[0].Location.Artifact != "r" {
				t.Errorf("unread %+v; want one of kind %q with %q", unread, test.kind, test.cause)
			}
		})
	}
}

func TestScratchIsClean(t *testing.T) {
	found, unread, err := open(t, database(t)).Match(t.Context(), inventory(t, trivy.Detail{}), image.Image{})
	if err != nil || len(found)+len(unread) != 0 {
		t.Errorf("found %v, unread %v, error %v", found, unread, err)
	}
}

func TestVersionsParse(t *testing.T) {
	// Versions that real packages carry and that must not be told as unreadable.
	m := open(t, database(t))
	var packages ftypes.Packages
	for _, v := range []string{"v1.2.3", "v0.0.0-20240101000000-abcdefabcdef", "v2.0.0+incompatible", "v1.26.6", "1.27.0-rc.3", "v0.0.0-alpha"} {
		packages = append(packages, ftypes.Package{ID: v, Name: "example.com/m", Version: v})
	}
	var node ftypes.Packages
	for _, v := range []string{"1.2.3", "0.0.0", "0.0.0-development", "1.0.0-beta.1+build", "4.17.21"} {
		node = append(node, ftypes.Package{ID: v, Name: "m", Version: v})
	}
	_, unread, err := m.Match(t.Context(), inventory(t, trivy.Detail{Applications: []ftypes.Application{
		{Type: ftypes.GoBinary, FilePath: "a", Packages: packages}, {Type: ftypes.NodePkg, Packages: node},
	}}), image.Image{})
	if err != nil || len(unread) != 0 {
		t.Errorf("unread %v, error %v", unread, err)
	}
}

func TestMatchStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := open(t, database(t)).Match(ctx, inventory(t, applications()), image.Image{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, _, err := open(t, database(t)).Match(t.Context(), scan.Inventory{}, image.Image{}); err == nil {
		t.Error("an inventory without detail was matched")
	}
}

func TestTwoDatabasesAtOnce(t *testing.T) {
	a, b := open(t, database(t)), open(t, database(t))
	detail := inventory(t, alpine311())
	errs := make(chan error, 8)
	for i := range 8 {
		m := []*match.Matcher{a, b}[i%2]
		go func() {
			found, _, err := m.Match(context.Background(), detail, image.Image{})
			if err == nil && len(found) < 20 {
				err = errors.New("too few findings")
			}
			errs <- err
		}()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	file := database(b)
	for b.Loop() {
		m, err := match.Open(file, now)
		if err != nil {
			b.Fatal(err)
		}
		if err := m.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMatchAlpine311(b *testing.B) {
	m := open(b, database(b))
	detail := inventory(b, alpine311())
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := m.Match(b.Context(), detail, image.Image{}); err != nil {
			b.Fatal(err)
		}
	}
}
