package layer_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"

	"github.com/plimsoll-ci/plimsoll/internal/image"
)

// entry is a tar entry of a test.
type entry struct {
	name, body, link string
	typ              byte
	mode             int64
}

func archive(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: e.typ, Linkname: e.link, Mode: e.mode, Size: int64(len(e.body))}
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pack(t testing.TB, kind string, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch kind {
	case "tar":
		return plain
	case "gzip":
		w = gzip.NewWriter(&b)
	case "zstd":
		z, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		w = z
	}
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func digest(b []byte) v1.Hash {
	sum := sha256.Sum256(b)
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
}

// packed is a layer as it is written: its blob and its tar. The digests may be
// forged by a test.
type packed struct {
	blob, plain    []byte
	digest, diffID *v1.Hash
}

// layout writes an OCI layout of those layers and opens it.
func layout(t testing.TB, layers ...packed) image.Image {
	t.Helper()
	dir := t.TempDir()
	put := func(b []byte) v1.Descriptor {
		d := v1.Descriptor{Digest: digest(b), Size: int64(len(b)), MediaType: types.OCILayer}
		if err := os.MkdirAll(filepath.Join(dir, "blobs/sha256"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(image.BlobPath(dir, d.Digest), b, 0o644); err != nil {
			t.Fatal(err)
		}
		return d
	}
	marshal := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	config := v1.ConfigFile{OS: "linux", Architecture: "amd64", RootFS: v1.RootFS{Type: "layers"}}
	manifest := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1}
	for _, l := range layers {
		d := put(l.blob)
		if l.digest != nil {
			if err := os.Rename(image.BlobPath(dir, d.Digest), image.BlobPath(dir, *l.digest)); err != nil {
				t.Fatal(err)
			}
			d.Digest = *l.digest
		}
		id := digest(l.plain)
		if l.diffID != nil {
			id = *l.diffID
		}
		manifest.Layers = append(manifest.Layers, d)
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, id)
	}
	manifest.Config = put(marshal(config))
	index := v1.IndexManifest{SchemaVersion: 2, Manifests: []v1.Descriptor{put(marshal(manifest))}}
	index.Manifests[0].MediaType = types.OCIManifestSchema1
	if err := os.WriteFile(filepath.Join(dir, "index.json"), marshal(index), 0o644); err != nil {
		t.Fatal(err)
	}
	img, err := image.FromLayout(dir, "", "")
	if err != nil {
		t.Fatal(err)
	}
	return img
}
