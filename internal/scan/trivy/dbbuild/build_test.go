package dbbuild_test

import (
	"bytes"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"
	bolt "go.etcd.io/bbolt"

	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy/dbbuild"
)

var now = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := dbbuild.Build(t.Context(), os.DirFS("../../../../testdata/advisories"), dir, now); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestBuildIsReproducible also builds over an older database.
func TestBuildIsReproducible(t *testing.T) {
	first, second := build(t), build(t)
	if err := dbbuild.Build(t.Context(), os.DirFS("../../../../testdata/advisories"), second, now); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"trivy.db", "metadata.json"} {
		a, err := os.ReadFile(filepath.Join(first, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(second, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs between two builds", name)
		}
	}
}

// TestContent pins what trivy-db itself would write for these advisories.
func TestContent(t *testing.T) {
	db, err := bolt.Open(filepath.Join(build(t), "trivy.db"), 0o600, &bolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	got := map[string]string{}
	want := map[string]string{
		"alpine 3.11/musl/CVE-2020-28928":                           `{"FixedVersion":"1.1.24-r3"}`,
		"npm::GitHub Security Advisory npm/minimist/CVE-2021-44906": `{"VendorIDs":["GHSA-xvch-5gv4-984h"],"VulnerableVersions":["\u003e=1.0.0, \u003c1.2.6","\u003c0.2.4"],"PatchedVersions":["1.2.6","0.2.4"]}`,
		"go::The Go Vulnerability Database/stdlib/CVE-2024-24790":   `{"VendorIDs":["GO-2024-2887"],"VulnerableVersions":["\u003c1.21.11","\u003e=1.22.0-0, \u003c1.22.4"],"PatchedVersions":["1.21.11","1.22.4"]}`,
		"data-source/alpine 3.11":                                   `{"ID":"alpine","Name":"Alpine Secdb","URL":"https://secdb.alpinelinux.org/"}`,
	}
	err = db.View(func(tx *bolt.Tx) error {
		for key := range want {
			parts := strings.Split(key, "/")
			b := tx.Bucket([]byte(parts[0]))
			for _, p := range parts[1 : len(parts)-1] {
				b = b.Bucket([]byte(p))
			}
			got[key] = string(b.Get([]byte(parts[len(parts)-1])))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("content (-want +got):\n%s", diff)
	}
}

func TestPush(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	dir := build(t)
	first, err := dbbuild.Push(t.Context(), dir, strings.TrimPrefix(server.URL, "http://")+"/trivy-db")
	if err != nil {
		t.Fatal(err)
	}
	second, err := dbbuild.Push(t.Context(), dir, strings.TrimPrefix(server.URL, "http://")+"/trivy-db:2")
	if err != nil || first != second {
		t.Errorf("digests %s and %s, %v; want the same", first, second, err)
	}
}

func TestBadAdvisories(t *testing.T) {
	for name, file := range map[string]string{
		"alpine/3.11/x.json": `{"secfixes": 1}`, "ghsa/x.json": `[]`, "nvd.json": `{"CVE-1": {"severity": "SEVERE"}}`,
	} {
		err := dbbuild.Build(t.Context(), fstest.MapFS{name: {Data: []byte(file)}}, t.TempDir(), now)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v; want an error that names it", name, err)
		}
	}
}
