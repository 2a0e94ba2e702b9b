package main

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

func output(name string, args ...string) (stdout, stderr string, err error) {
	var out, said bytes.Buffer
	command := exec.Command(name, args...)
	command.Stdout, command.Stderr = &out, &said
	err = command.Run()
	return out.String(), said.String(), err
}

func TestBadShipIsRefused(t *testing.T) {
	t.Parallel()
	needsBuilder(t)
	w := newWorld(t, registrytest.Options{})
	dir := w.ship("bad")
	o := w.gate(dir, "--push", "--tags="+w.Host+"/ships/bad:1.0.0", "--signing-key="+w.key)
	o.exits(1)
	o.last("fail: ", "Dockerfile:3", "CVE-2021-36159", "and ", "more causes")
	check(t, refused(o.Result, dir, w.written("ships/bad")))
	if writes := w.Writes(); len(writes) > 0 {
		t.Errorf("the registry saw %v", writes)
	}
	for _, f := range o.Findings {
		if v := f.Vulnerability; v != nil && v.FromBase != (f.Rule.ID == "VUL-OS") {
			t.Errorf("%s in %s: from the base %t", v.ID, v.Package, v.FromBase)
		}
	}
	for _, report := range []string{"report.json", "summary.md", "report.txt"} {
		if info, err := os.Stat(filepath.Join(w.reports, report)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", report, err)
		}
	}
	// What was saved gives the same text again.
	again := w.run(dir, "report", filepath.Join(w.reports, "report.json"))
	again.exits(0)
	again.last("fail: ", "Dockerfile:3", "CVE-2021-36159")
}

func TestGoodShipSails(t *testing.T) {
	t.Parallel()
	needsBuilder(t)
	w := newWorld(t, registrytest.Options{})
	dir := w.ship("good")
	o := w.gate(dir, w.toHarbour()...)
	o.exits(0)
	o.last("pass, pushed, signed, tagged", "ships/good:1.0.0 sha256:")
	check(t, sailed(o.Result, w.tagged("ships/good", "1.0.0")))
	for _, f := range o.Findings {
		if f.Suppressed == nil && f.Severity >= finding.Medium {
			t.Errorf("finding %v", f)
		}
	}
	if len(o.Unread) > 0 || o.Points.Count(verdict.Missed)+o.Points.Count(verdict.Unknown) > 0 {
		t.Errorf("unread %v, points %s", o.Unread, o.Points)
	}
	inOrder(t, w, o.Subjects[0].Digest)
	holdsOneSignature(t, w, o.Subjects[0].Digest)

	// Once more: the same digest, and nothing but reads.
	w.Reset(nil)
	again := w.gate(dir, w.toHarbour()...)
	again.exits(0)
	check(t, sailed(again.Result, o.Subjects[0].Digest))
	if writes := w.Writes(); len(writes) > 0 {
		t.Errorf("the second run wrote %v", writes)
	}
	holdsOneSignature(t, w, o.Subjects[0].Digest)

	v := w.run(dir, "verify", "--verification-key="+w.pub, w.Host+"/ships/good:1.0.0")
	v.exits(0)
	v.last("pass", o.Subjects[0].Digest)
}

// inOrder checks the order of writes: blobs, the manifest by digest, the
// signature by digest, the tag.
func inOrder(t *testing.T, w *world, digest string) {
	t.Helper()
	var manifests []string
	for _, e := range w.written("ships/good") {
		_, target, isManifest := strings.Cut(e.Path, "/manifests/")
		switch {
		case e.Status >= 400:
			t.Errorf("the registry refused %v", e)
		case isManifest && e.Method == http.MethodPut:
			manifests = append(manifests, target)
		case len(manifests) == 0, len(manifests) == 1 && target == "":
			// Blobs of the image, then the blobs of its signature.
		default:
			t.Errorf("%v came after the manifests %v", e, manifests)
		}
	}
	if len(manifests) != 3 || manifests[0] != digest || !strings.HasPrefix(manifests[1], "sha256:") || manifests[2] != "1.0.0" {
		t.Errorf("manifests were written in the order %v, want %s, its signature, 1.0.0", manifests, digest)
	}
}

// holdsOneSignature checks that exactly one signature lies beside the good ship.
func holdsOneSignature(t *testing.T, w *world, digest string) {
	t.Helper()
	if n := w.signatures("ships/good", digest); n != 1 {
		t.Errorf("%d signatures lie beside the image, want 1", n)
	}
}

func TestFailedVerdictIsSaidUnderWarnOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	dir := w.ship("bad")
	o := w.gate(dir, "--warn-only", "--input="+w.base, "--push", "--tags="+w.Host+"/ships/bad:1.0.0")
	o.exits(0)
	o.decides(verdict.Fail)
	o.last("fail")
	if o.Enforced || o.Acted != nil || len(w.Writes()) > 0 {
		t.Errorf("enforced %t, acted %+v, writes %v", o.Enforced, o.Acted, w.Writes())
	}
}
