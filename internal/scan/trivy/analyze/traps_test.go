package analyze_test

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy/analyze"
)

const (
	alpineRelease = "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.19.1\nPRETTY_NAME=\"Alpine Linux v3.19\"\n"
	apkMusl       = "C:Q1pHpM6rwaRnAKdWTGUWYmpMmiAlg=\nP:musl\nV:1.2.4-r4\nA:x86_64\no:musl\nL:MIT\n\n"
	apkZlib       = "C:Q1pHpM6rwaRnAKdWTGUWYmpMmiAlg=\nP:zlib\nV:1.3.1-r0\nA:x86_64\no:zlib\nL:Zlib\n\n"
	dpkgBash      = "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nMaintainer: Debian\nVersion: 5.2.15-2\nDescription: shell\n\n"
	// The malformed manifest that npm's resolve 1.22.8 ships on purpose, at
	// test/resolver/malformed_package_json/package.json: one brace and nothing else.
	malformed = "{\n"
)

func alpine(more files) files {
	l := files{"etc/os-release": alpineRelease, "etc/alpine-release": "3.19.1\n", "lib/apk/db/installed": apkMusl + apkZlib}
	maps.Copy(l, more)
	return l
}

func TestAlpine(t *testing.T) {
	a, d := run(t, build(t, nil, alpine(nil)), packages)
	wantNothingUnread(t, a)
	if a.Inventory.OS != "alpine 3.19.1" || a.Inventory.Packages != 2 || a.Inventory.Languages != 0 {
		t.Errorf("inventory %q %d %d", a.Inventory.OS, a.Inventory.Packages, a.Inventory.Languages)
	}
	if d.Packages[0].Name != "musl" || d.Packages[0].Layer.DiffID == "" || d.Packages[0].Identifier.PURL == nil {
		t.Errorf("package %+v", d.Packages[0])
	}
}

// Trap 2: analyzers that fail say so in the debug log only.
func TestTruncatedApkDatabase(t *testing.T) {
	for name, body := range map[string]string{
		"inside a package":   (apkMusl + apkZlib)[:len(apkMusl)+40],
		"inside a field":     (apkMusl + apkZlib)[:len(apkMusl)+60],
		"before the version": apkMusl + "P:zlib\n\n",
		"empty":              "",
		"a long line":        apkMusl + "P:zlib\np:" + strings.Repeat("x", 70_000) + "\nV:1.3\n\n",
		"a bad version":      apkMusl + strings.Replace(apkZlib, "1.3.1-r0", "not a version!", 1),
	} {
		t.Run(name, func(t *testing.T) {
			a, _ := run(t, build(t, nil, alpine(files{"lib/apk/db/installed": body})), packages)
			wantUnread(t, a, finding.UnreadOS, `"lib/apk/db/installed"`)
		})
	}
	t.Run("replaced by a later layer", func(t *testing.T) {
		a, d := run(t, build(t, nil, alpine(files{"lib/apk/db/installed": apkMusl[:30]}), files{"lib/apk/db/installed": apkMusl}), packages)
		wantNothingUnread(t, a)
		if len(d.Packages) != 1 {
			t.Errorf("%d packages", len(d.Packages))
		}
	})
}

func TestBrokenDpkg(t *testing.T) {
	debian := func(status string) image.Image {
		return build(t, nil, files{"etc/debian_version": "12.5\n", "etc/os-release": "ID=debian\nVERSION_ID=\"12\"\n", "var/lib/dpkg/status": status})
	}
	a, _ := run(t, debian(dpkgBash), packages)
	wantNothingUnread(t, a)
	for name, status := range map[string]string{
		"inside a line":      dpkgBash + dpkgBash[:40],
		"before the version": dpkgBash + "Package: zlib1g\nStatus: install ok installed\n",
		"a bad version":      dpkgBash + strings.NewReplacer("bash", "zlib1g", "5.2.15-2", "§§").Replace(dpkgBash),
		"no header":          dpkgBash + "this is no header\n\n",
		"empty":              "\n",
	} {
		t.Run(name, func(t *testing.T) {
			a, _ := run(t, debian(status), packages)
			if len(a.Unread) == 0 {
				t.Fatal("nothing is unread")
			}
			for _, u := range a.Unread {
				if u.Kind != finding.UnreadOS || !strings.Contains(u.Cause, "dpkg") {
					t.Errorf("unread %q", causes(a.Unread))
				}
			}
		})
	}
}

func TestBrokenRPM(t *testing.T) {
	for _, name := range []string{"var/lib/rpm/rpmdb.sqlite", "var/lib/rpm/Packages", "usr/lib/sysimage/rpm/Packages.db"} {
		a, _ := run(t, build(t, nil, files{"etc/os-release": "ID=rocky\nVERSION_ID=\"9.3\"\n", name: "SQLite format 3\x00 and no more"}), packages)
		wantUnread(t, a, finding.UnreadOS, name)
	}
}

// A malformed manifest of a language is allowed and listed.
func TestMalformedPackageJSON(t *testing.T) {
	path := "app/node_modules/resolve/test/resolver/malformed_package_json/package.json"
	a, d := run(t, build(t, nil, files{
		path:                                    malformed,
		"app/node_modules/resolve/package.json": `{"name": "resolve", "version": "1.22.8"}`,
	}), packages)
	wantUnread(t, a, finding.UnreadLanguage, path)
	if diff := cmp.Diff([]string{"node-pkg resolve 1.22.8"}, names(d)); diff != "" {
		t.Error(diff)
	}
	// Deleted later, it is no part of the image.
	a, _ = run(t, build(t, nil, files{path: malformed}, files{"app/node_modules/resolve/.wh.test": ""}), packages)
	wantNothingUnread(t, a)
}

// A post-analyzer that lets go of one file, and says so in the default logger only.
func TestMalformedPythonMetadata(t *testing.T) {
	a, d := run(t, build(t, nil, files{
		"usr/lib/python3/site-packages/a-1.dist-info/METADATA": "Name: a\nVersion: 1.0\n\n",
		"srv/b/packages.lock.json":                             "{ not json",
	}), packages)
	wantUnread(t, a, finding.UnreadLanguage, "srv/b/packages.lock.json")
	if diff := cmp.Diff([]string{"python-pkg a 1.0"}, names(d)); diff != "" {
		t.Error(diff)
	}
}

// Traps 1 and 3: no packages, or an unsupported system, are only a warning in Trivy.
func TestSystemsThatCannotBeMatched(t *testing.T) {
	for name, test := range map[string]struct {
		layers []files
		want   string
	}{
		"no package database":         {[]files{{"etc/alpine-release": "3.19.1\n", "etc/os-release": alpineRelease}}, "no package of it was found"},
		"deleted package database":    {[]files{alpine(nil), {"lib/apk/db/.wh.installed": ""}}, "no package of it was found"},
		"no advisories":               {[]files{{"etc/os-release": "ID=fedora\nVERSION_ID=39\n", "etc/fedora-release": "Fedora release 39 (Thirty Nine)\n"}}, "there are no advisories"},
		"unknown distribution":        {[]files{{"etc/os-release": "ID=arch\nPRETTY_NAME=\"Arch Linux\"\n"}}, `"Arch Linux"`},
		"os-release is gone":          {[]files{alpine(nil), {"etc/.wh.os-release": "", "etc/.wh.alpine-release": ""}}, ""},
		"packages without a release":  {[]files{{"lib/apk/db/installed": apkMusl}}, "cannot be matched"},
		"packages nobody can read":    {[]files{{"var/lib/pacman/local/ALPM_DB_VERSION": "9\n"}}, "cannot be matched"},
		"release as a usr-merge link": {[]files{{"etc/os-release": "-> ../usr/lib/os-release", "usr/lib/os-release": "ID=void\n"}}, "void"},
	} {
		t.Run(name, func(t *testing.T) {
			a, _ := run(t, build(t, nil, test.layers...), packages)
			if test.want == "" { // Trivy keeps the system that a lower layer named: the packages are matched
				wantNothingUnread(t, a)
				return
			}
			wantUnread(t, a, finding.UnreadOS, test.want)
		})
	}
}

func TestNothingToMatchIsFine(t *testing.T) {
	a, _ := run(t, build(t, nil, files{"etc/passwd": "nobody:x:65534:65534::/:\n", "x:app": "#!/bin/true"}), packages)
	wantNothingUnread(t, a)
	if a.Inventory.OS != "" || a.Inventory.Packages != 0 {
		t.Errorf("inventory %+v", a.Inventory)
	}
}

// Trap 4: without the driver for SQLite an image of Fedora's family has no packages.
func TestRPMInSQLite(t *testing.T) {
	file := filepath.Join(moduleDir(t, "github.com/knqyf263/go-rpmdb"), "pkg/testdata/cbl-mariner-2.0/rpmdb.sqlite")
	db, err := os.ReadFile(file)
	check(t, err)
	a, d := run(t, build(t, nil, files{
		"etc/os-release":           "ID=mariner\nVERSION_ID=\"2.0\"\nNAME=\"Common Base Linux Mariner\"\n",
		"var/lib/rpm/rpmdb.sqlite": string(db),
	}), packages)
	wantNothingUnread(t, a)
	if len(d.Packages) < 50 || a.Inventory.OS != "cbl-mariner 2.0" {
		t.Errorf("%d packages of %q", len(d.Packages), a.Inventory.OS)
	}
}

// Trap 8: an SBOM in the image may claim anything, and hides the files it names.
func TestSBOMCountsInTheBaseOnly(t *testing.T) {
	sbom := `{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,"components":[{"type":"library","name":"ghost","version":"9.9.9","purl":"pkg:npm/ghost@9.9.9",` +
		`"properties":[{"name":"aquasecurity:trivy:FilePath","value":"app/node_modules/lodash/package.json"},{"name":"aquasecurity:trivy:PkgType","value":"node-pkg"}]}]}`
	img := build(t, nil,
		files{"usr/share/base.cdx.json": sbom},
		files{"app/node_modules/lodash/package.json": `{"name":"lodash","version":"4.17.20"}`, "app/bom.cdx.json": sbom})
	_, d := run(t, img, scan.Options{Packages: true, BaseLayers: 0})
	if diff := cmp.Diff([]string{"node-pkg lodash 4.17.20"}, names(d)); diff != "" {
		t.Error(diff)
	}
	_, d = run(t, img, scan.Options{Packages: true, BaseLayers: 1})
	if got := names(d); !slices.Contains(got, "node-pkg lodash 4.17.20") || !slices.Contains(got, "node-pkg ghost 9.9.9") {
		t.Errorf("got %q", got)
	}
}

func TestJarsAreCounted(t *testing.T) {
	a, _ := run(t, build(t, nil, files{"opt/b.jar": "PK", "opt/a.war": "PK"}, files{"opt/c.JAR": "PK", "opt/.wh.b.jar": ""}), packages)
	wantUnread(t, a, finding.UnreadLanguage, `2 Java archives, the first "opt/a.war"`)
}

// What would hide a file from analyzers: its name, its mode, its place in the tar.
func TestHiddenFiles(t *testing.T) {
	a, d := run(t, build(t, nil, files{
		"./app/../app/node_modules/a/package.json": `{"name":"a","version":"1.0.0"}`,
		"../../b/package.json":                     `{"name":"b","version":"2.0.0"}`,
		"dir:c/package.json":                       `{"name":"c","version":"3.0.0"}`,
		"d/./package.json":                         `{"name":"d","version":"0.0.1"}`, // comes first
		"d/package.json":                           `{"name":"d","version":"4.0.0"}`,
	}), packages)
	wantNothingUnread(t, a)
	if diff := cmp.Diff([]string{"node-pkg a 1.0.0", "node-pkg b 2.0.0", "node-pkg c 3.0.0", "node-pkg d 4.0.0"}, names(d)); diff != "" {
		t.Error(diff)
	}
}

// What parsers would read into memory as a whole is bounded, and what is passed over is said.
func TestHugeManifest(t *testing.T) {
	huge := `{"name":"a","version":"1.0.0"}` + strings.Repeat(" ", 64<<20)
	a, d := run(t, build(t, nil, files{"srv/package.json": huge, "app/package.json": `{"name":"b","version":"2.0.0"}`}), packages)
	wantUnread(t, a, finding.UnreadLanguage, "more than 67108864 bytes")
	if len(names(d)) != 1 {
		t.Errorf("got %q", names(d))
	}
}

// A file in the place of a directory ends no walk.
func TestFileInThePlaceOfADirectory(t *testing.T) {
	a, d := run(t, build(t, nil, files{
		"a/packages.lock.json": `{"version":1,"dependencies":{}}`, "a/packages.lock.json/packages.lock.json": "{}",
		"b/package.json": `{"name":"b","version":"2.0.0"}`,
	}), packages)
	wantUnread(t, a, finding.UnreadLanguage, "a/packages.lock.json/packages.lock.json")
	if len(names(d)) != 1 {
		t.Errorf("got %q", names(d))
	}
}

// What a later layer replaces is not in the image, whether or not it gives packages itself.
func TestReplacedFiles(t *testing.T) {
	lower := files{"app/package.json": `{"name":"a","version":"1.0.0"}`, "lib/x/package.json": `{"name":"x","version":"1.0.0"}`}
	_, d := run(t, build(t, nil, lower, files{"app/package.json": "-> elsewhere", "lib/x": "a file now"}), packages)
	if got := names(d); len(got) > 0 {
		t.Errorf("got %q", got)
	}
}

func TestSkips(t *testing.T) {
	opts := packages
	opts.SkipDirs, opts.SkipFiles = []string{"**/test"}, []string{"srv/*.json"}
	a, d := run(t, build(t, nil, files{"app/test/x/package.json": malformed, "srv/package.json": malformed, "app/package.json": `{"name":"a","version":"1.0.0"}`}), opts)
	wantNothingUnread(t, a)
	if len(names(d)) != 1 {
		t.Errorf("got %q", names(d))
	}
	if diff := cmp.Diff([]string{"2 files in the image were not looked at: skip-dirs, skip-files"}, a.Notes); diff != "" {
		t.Error(diff)
	}
	opts.SkipDirs = []string{"a["}
	if _, err := analyze.New(nil).NewVisit(t.Context(), image.Image{}, opts); err == nil || !strings.Contains(err.Error(), `"a["`) {
		t.Errorf("got %v", err)
	}
}

// A setting that hides the database of packages would make an image look as if
// nothing were installed.
func TestSkipsHideNoPackagesOfTheSystem(t *testing.T) {
	opts := packages
	opts.SkipDirs, opts.SkipFiles = []string{"lib", "etc", "usr", "var"}, []string{"installed", "status", "*release*"}
	a, d := run(t, build(t, nil, alpine(files{"usr/share/x": "x"})), opts)
	wantNothingUnread(t, a)
	if a.Inventory.OS != "alpine 3.19.1" || len(d.Packages) != 2 {
		t.Errorf("%q with %d packages", a.Inventory.OS, len(d.Packages))
	}
	if diff := cmp.Diff([]string{"1 file in the image was not looked at: skip-dirs"}, a.Notes); diff != "" {
		t.Error(diff)
	}
	a, d = run(t, build(t, nil, files{"etc/debian_version": "12.5\n", "usr/lib/os-release": "ID=debian\nVERSION_ID=\"12\"\n", "var/lib/dpkg/status.d/bash": dpkgBash}), opts)
	wantNothingUnread(t, a)
	if a.Inventory.OS != "debian 12.5" || len(d.Packages) != 1 || len(a.Notes) > 0 {
		t.Errorf("%q with %d packages, notes %q", a.Inventory.OS, len(d.Packages), a.Notes)
	}
}

func TestGoBinary(t *testing.T) {
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/app\n\ngo 1.24\n"), 0o644))
	check(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() { println(1) }\n"), 0o644))
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", "app", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building a program: %v\n%s", err, out)
	}
	exe, err := os.ReadFile(filepath.Join(dir, "app"))
	check(t, err)
	a, d := run(t, build(t, nil, files{"x:app": string(exe)}), packages)
	wantNothingUnread(t, a)
	got := strings.Join(names(d), "\n")
	if !strings.Contains(got, "gobinary stdlib v1.") || !strings.Contains(got, "gobinary example.com/app") {
		t.Errorf("got %q", got)
	}
	// A later layer puts a script in its place.
	_, d = run(t, build(t, nil, files{"x:app": string(exe)}, files{"x:app": "#!/bin/sh\n"}), packages)
	if len(names(d)) > 0 {
		t.Errorf("got %q", names(d))
	}
}

// Visits at once do not mix up what could not be read.
func TestVisitsAtOnce(t *testing.T) {
	var group sync.WaitGroup
	for i := range 8 {
		path := "srv/" + strings.Repeat("x", i+1) + "/"
		img := build(t, nil, alpine(files{path + "package.json": malformed, path + "packages.lock.json": "{ no"}))
		group.Go(func() {
			a, _ := run(t, img, packages)
			if len(a.Unread) != 2 {
				t.Errorf("visit %d: %q", i, causes(a.Unread))
			}
			for _, u := range a.Unread {
				if !strings.Contains(u.Cause, `"`+path) {
					t.Errorf("visit %d: %q", i, u.Cause)
				}
			}
		})
	}
	group.Wait()
}

func TestResultNeedsTheWholeWalk(t *testing.T) {
	img := build(t, nil, alpine(nil), files{"a": "a"})
	visit, err := analyze.New(nil).NewVisit(t.Context(), img, packages)
	check(t, err)
	defer visit.Close()
	ctx, cancel := context.WithCancel(t.Context())
	stop := stopper{after: 4, stop: cancel}
	if err := layer.Walk(ctx, img, layer.DefaultLimits(), visit, &stop); err == nil {
		t.Fatal("the walk went on")
	}
	if _, err := visit.Result(t.Context()); err == nil || !strings.Contains(err.Error(), "of 2 layers") {
		t.Errorf("got %v", err)
	}
}

type stopper struct {
	after int
	stop  func()
}

func (*stopper) BeginLayer(layer.Layer) error { return nil }
func (*stopper) EndLayer(layer.Layer) error   { return nil }
func (s *stopper) Visit(layer.Entry, layer.Opener) error {
	if s.after--; s.after == 0 {
		s.stop()
	}
	return nil
}
