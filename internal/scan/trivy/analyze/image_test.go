package analyze_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy"
	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy/analyze"
)

// files are the contents of one layer, by path. A path that begins with "x:" is
// executable, one with "dir:" has the mode of a directory, one that ends in "/" is a directory, and a content that begins
// with "-> " is a symbolic link.
type files map[string]string

func build(t testing.TB, edit func(*v1.ConfigFile), layers ...files) image.Image {
	t.Helper()
	dir := t.TempDir()
	config := v1.ConfigFile{OS: "linux", Architecture: "amd64", RootFS: v1.RootFS{Type: "layers"}}
	manifest := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1}
	for i, l := range layers {
		blob := pack(t, l)
		d := put(t, dir, blob, types.OCIUncompressedLayer)
		manifest.Layers = append(manifest.Layers, d)
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, d.Digest)
		config.History = append(config.History, v1.History{CreatedBy: fmt.Sprintf("COPY layer%d / # buildkit", i)})
	}
	if edit != nil {
		edit(&config)
	}
	manifest.Config = put(t, dir, marshal(t, config), types.OCIConfigJSON)
	index := v1.IndexManifest{SchemaVersion: 2, Manifests: []v1.Descriptor{put(t, dir, marshal(t, manifest), manifest.MediaType)}}
	check(t, os.WriteFile(filepath.Join(dir, "index.json"), marshal(t, index), 0o644))
	img, err := image.FromLayout(dir, "", "")
	check(t, err)
	img.Reference = "shop/web:1"
	return img
}

func pack(t testing.TB, l files) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(l)) {
		body := l[name]
		h := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(body)), Typeflag: tar.TypeReg}
		if exe, ok := strings.CutPrefix(name, "x:"); ok {
			h.Name, h.Mode = exe, 0o755
		}
		if lie, ok := strings.CutPrefix(name, "dir:"); ok {
			h.Name, h.Mode = lie, 0o040644
		}
		if target, ok := strings.CutPrefix(body, "-> "); ok {
			h.Typeflag, h.Linkname, h.Size, body = tar.TypeSymlink, target, 0, ""
		}
		if strings.HasSuffix(name, "/") {
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		}
		check(t, w.WriteHeader(h))
		_, err := io.WriteString(w, body)
		check(t, err)
	}
	check(t, w.Close())
	return b.Bytes()
}

func put(t testing.TB, dir string, b []byte, media types.MediaType) v1.Descriptor {
	t.Helper()
	sum := sha256.Sum256(b)
	d := v1.Descriptor{Digest: v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}, Size: int64(len(b)), MediaType: media}
	check(t, os.MkdirAll(filepath.Join(dir, "blobs/sha256"), 0o755))
	check(t, os.WriteFile(image.BlobPath(dir, d.Digest), b, 0o644))
	return d
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	check(t, err)
	return b
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run analyzes an image and decodes what was found.
func run(t testing.TB, img image.Image, opts scan.Options) (scan.Analysis, trivy.Detail) {
	t.Helper()
	visit, err := analyze.New(nil).NewVisit(t.Context(), img, opts)
	check(t, err)
	defer func() { check(t, visit.Close()) }()
	check(t, layer.Walk(t.Context(), img, layer.DefaultLimits(), visit))
	analysis, err := visit.Result(t.Context())
	check(t, err)
	detail, err := trivy.Decode(analysis.Inventory.Detail)
	check(t, err)
	return analysis, detail
}

var packages = scan.Options{Packages: true, BaseLayers: -1}

// causes writes the records down in short.
func causes(list []finding.Unread) []string {
	var out []string
	for _, u := range list {
		out = append(out, fmt.Sprintf("%s: %s", u.Kind, u.Cause))
	}
	return out
}

// wantUnread fails unless there is exactly one record, of that kind and with that text.
func wantUnread(t testing.TB, a scan.Analysis, kind finding.Kind, text string) {
	t.Helper()
	if len(a.Unread) != 1 || a.Unread[0].Kind != kind || !strings.Contains(a.Unread[0].Cause, text) {
		t.Errorf("unread %q, want one of kind %s with %q", causes(a.Unread), kind, text)
	}
}

func wantNothingUnread(t testing.TB, a scan.Analysis) {
	t.Helper()
	if len(a.Unread) > 0 {
		t.Errorf("unread %q, want nothing", causes(a.Unread))
	}
}

// names lists the packages of languages as "type name version".
func names(d trivy.Detail) []string {
	var out []string
	for _, app := range d.Applications {
		for _, p := range app.Packages {
			out = append(out, fmt.Sprintf("%s %s %s", app.Type, p.Name, p.Version))
		}
	}
	return out
}

// moduleDir is where a module of the build list lies.
func moduleDir(t testing.TB, path string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", path).Output()
	if err != nil {
		t.Fatalf("finding the module %s: %v", path, err)
	}
	return strings.TrimSpace(string(out))
}

// trivyImage opens an image that comes with Trivy's module.
func trivyImage(t testing.TB, name string) image.Image {
	t.Helper()
	file := filepath.Join(moduleDir(t, "github.com/aquasecurity/trivy"), "pkg/fanal/test/testdata", name)
	img, err := image.Open(file, t.TempDir(), image.Choice{})
	check(t, err)
	return img
}
