package main

import (
	"archive/tar"
	"bytes"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// files are the contents of one layer, by path.
type files map[string]string

// pack makes an image of layers.
func pack(t *testing.T, base v1.Image, layers ...files) v1.Image {
	t.Helper()
	img := mutate.ConfigMediaType(mutate.MediaType(base, types.OCIManifestSchema1), types.OCIConfigJSON)
	for _, l := range layers {
		raw := archive(t, l)
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil }, tarball.WithMediaType(types.OCILayer))
		check(t, err)
		img, err = mutate.AppendLayers(img, layer)
		check(t, err)
	}
	config, err := img.ConfigFile()
	check(t, err)
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "amd64"
	img, err = mutate.ConfigFile(img, config)
	check(t, err)
	return img
}

func archive(t *testing.T, l files) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(l)) {
		check(t, w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(l[name])), Typeflag: tar.TypeReg}))
		_, err := io.WriteString(w, l[name])
		check(t, err)
	}
	check(t, w.Close())
	return b.Bytes()
}

// lay writes an image as an OCI layout below the world's directory.
func (w *world) lay(name string, img v1.Image) string {
	w.t.Helper()
	dir := filepath.Join(w.dir, name)
	path, err := layout.Write(dir, empty.Index)
	check(w.t, err)
	check(w.t, path.AppendImage(img))
	return dir
}

// hull is a small good image: the good ship's program and nothing else.
func (w *world) hull() string {
	w.t.Helper()
	lookout, err := os.ReadFile(filepath.Join(w.ships["good"], "bin", programs["good"]))
	check(w.t, err)
	return w.lay("hull", pack(w.t, empty.Image, files{"lookout": string(lookout)}, files{"srv/flag": "blue\n"}))
}

// built is the good ship as plimsoll build makes it: an OCI layout, and its digest.
type built struct{ layout, digest, said string }

var goodImage = sync.OnceValue(func() built {
	b := built{layout: filepath.Join(scratch, "good-image")}
	out, said, err := output(plimsoll, "build", "--quiet", "--cache-dir="+filepath.Join(scratch, "good-cache"), "--output="+b.layout, stocked.ships["good"])
	if err != nil {
		b.said = err.Error() + ": " + said
	}
	b.digest = strings.TrimSpace(out)
	return b
})

// builtShip is the good ship, built once for all tests.
func builtShip(t *testing.T) built {
	t.Helper()
	needsBuilder(t)
	b := goodImage()
	if b.said != "" || !strings.HasPrefix(b.digest, "sha256:") {
		t.Fatalf("building the good ship: %s: %q", b.said, b.digest)
	}
	return b
}
