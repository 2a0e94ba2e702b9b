package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// Secrets that no output may hold: in a layer, in the form of a token of GitHub,
// and given to a build.
const (
	layerSecret = "ghp_" + "x7Kq2Lm9Zr4Tn8Vb3Wc6Yd1Fg5Hj0PsAeUiO"
	buildSecret = "the-build-alone-may-know-this"
)

func (w *world) alpine() v1.Image {
	w.t.Helper()
	img, err := tarball.ImageFromPath(w.base, nil)
	check(w.t, err)
	return img
}

// scan runs plimsoll scan and reads its JSON.
func (w *world) scan(image string, args ...string) outcome {
	w.t.Helper()
	check(w.t, os.MkdirAll(w.reports, 0o755))
	all := append([]string{"scan", "--db-repository=" + w.advisories, "--format=json", "--output=" + filepath.Join(w.reports, "report.json")}, args...)
	o := w.run(w.dir, append(all, image)...)
	if !o.told {
		w.t.Fatalf("exit code %d and no report\n%s", o.code, o.stderr)
	}
	return o
}

// A package database that ends in the middle must not look like few packages.
func TestTruncatedPackageDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	release := files{"etc/alpine-release": "3.11.5\n", "etc/os-release": "ID=alpine\nVERSION_ID=3.11.5\n"}
	for name, test := range map[string]struct {
		installed string
		code      int
	}{
		"nothing known of the rest": {"P:zlib\nV:1.2.11-r3\nA:x86_64\n\nP:busyb", 3},
		"inside a version":          {"P:zlib\nV:1.2.11-r3\nA:x86_64\n\nP:scanelf\nV:1.2", 3},
		"holes in what is left":     {"P:busybox\nV:1.31.1-r9\nA:x86_64\no:busybox\n\nP:zlib\nV:1.2", 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.t = t
			layout := w.lay(fmt.Sprintf("cut-%d", len(test.installed)), pack(t, empty.Image, release, files{"lib/apk/db/installed": test.installed}))
			o := w.scan(layout)
			o.exits(test.code)
			if o.Verdict.Decision == verdict.Pass || o.Verdict.Incomplete != (test.code == 1) {
				t.Errorf("the verdict is %+v", o.Verdict)
			}
			unread(t, o, finding.UnreadOS, "lib/apk/db/installed")
		})
	}
}

// npm's resolve ships a broken manifest on purpose.
func TestMalformedManifestOfADependency(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	const broken = "app/node_modules/resolve/test/resolver/malformed_package_json/package.json"
	layout := w.lay("resolve", pack(t, empty.Image, files{
		"app/node_modules/resolve/package.json": `{"name": "resolve", "version": "1.22.8"}`, broken: "{\n",
	}))
	o := w.scan(layout)
	o.exits(0)
	o.decides(verdict.Pass)
	unread(t, o, finding.UnreadLanguage, broken)
	if o.Subjects[0].Packages != 1 {
		t.Errorf("subjects %+v", o.Subjects)
	}
	o = w.scan(layout, "--profile=strict")
	o.exits(3)
	o.decides(verdict.Indeterminate)
}

func unread(t *testing.T, o outcome, kind finding.Kind, path string) {
	t.Helper()
	for _, u := range o.Unread {
		if u.Kind == kind && (strings.Contains(u.Location.Path, path) || strings.Contains(u.Cause, path)) {
			return
		}
	}
	t.Errorf("%s is not among what could not be read: %+v", path, o.Unread)
}

// A secret in an image without a distribution, also when a later layer deletes it.
func TestSecretInALayer(t *testing.T) {
	t.Parallel()
	secret := files{"app/.env": "GITHUB_TOKEN=" + layerSecret + "\n"}
	for name, layers := range map[string][]files{
		"seen":    {secret},
		"deleted": {secret, {"app/.wh..env": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{})
			layout := w.lay("leaky", pack(t, empty.Image, layers...))
			o := w.gate(w.ship("good"), append(w.toHarbour(), "--input="+layout)...)
			o.exits(1)
			o.decides(verdict.Fail)
			o.last("fail", ".env")
			if len(w.Writes()) > 0 {
				t.Errorf("the registry saw %v", w.Writes())
			}
			w.scan(layout).exits(1)
			w.run(w.dir, "scan", "--debug", "--scanners=secret", layout).exits(1)
		})
	}
}

// A secret that a build is given is in no output, no report and no layer.
func TestBuildSecretStaysSecret(t *testing.T) {
	t.Parallel()
	needsBuilder(t)
	w := newWorld(t, registrytest.Options{})
	dir := w.source("secret", "Dockerfile", "ARG REGISTRY\nFROM ${REGISTRY}/alpine:3.11\nRUN --mount=type=secret,id=token test -s /run/secrets/token && cat /run/secrets/token && false\n")
	o := w.gate(dir, "--secrets=token="+buildSecret, "--debug")
	o.exits(1)
	if r := o.reason("exited with code 1"); r.Location.Line != 3 {
		t.Errorf("it stands on line %d: %s", r.Location.Line, r.Message)
	}
}

// The same image as a docker archive, as an OCI layout and from the registry.
func TestScanTakesThreeForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	saved := filepath.Join(w.dir, "saved.tar")
	ref, err := name.NewTag("example.com/alpine:3.11")
	check(t, err)
	check(t, tarball.WriteToFile(saved, ref, w.alpine()))
	count := map[string]int{}
	for _, image := range []string{w.base, saved, w.lay("layout", w.alpine()), w.Host + "/alpine:3.11"} {
		o := w.scan(image)
		o.exits(1)
		o.decides(verdict.Fail)
		count[image] = len(o.Findings)
		if o.Subjects[0].OS != "alpine 3.11.5" || len(o.Unread) > 0 {
			t.Errorf("%s: subject %+v, unread %+v", image, o.Subjects[0], o.Unread)
		}
		for _, r := range o.Verdict.Reasons {
			if strings.Contains(r.Message+r.Location.Artifact, w.tmp) {
				t.Errorf("%s: it names a temporary path: %+v", image, r)
			}
		}
	}
	for image, n := range count {
		if n == 0 || n != count[w.base] {
			t.Errorf("%s has %d findings; all: %v", image, n, count)
		}
	}
}
