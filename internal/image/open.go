package image

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// The most that is read of a document. The OCI distribution specification asks
// registries to take manifests of 4 MiB; no bound is written down for configs.
const (
	maxManifest = 4 << 20
	maxConfig   = 16 << 20
)

// From reads and checks the manifest and config of img, which may lie anywhere.
// Both digests are recomputed from the bytes; a config that is not the one the
// manifest names, or a number of layers that differs between the two, is an error.
// The reference names the image for people.
func From(img v1.Image, reference string) (Image, error) {
	raw, err := img.RawManifest()
	if err != nil {
		return Image{}, fmt.Errorf("reading the manifest of %s: %w", reference, err)
	}
	config, err := img.RawConfigFile()
	if err != nil {
		return Image{}, fmt.Errorf("reading the config of %s: %w", reference, err)
	}
	out, err := parse(raw, config)
	if err != nil {
		return Image{}, fmt.Errorf("reading %s: %w", reference, err)
	}
	out.Image, out.Reference = img, reference
	return out, nil
}

// parse checks a manifest and a config against each other.
func parse(rawManifest, rawConfig []byte) (Image, error) {
	manifest, err := parseManifest(rawManifest)
	if err != nil {
		return Image{}, err
	}
	out := Image{Digest: sum(rawManifest), ID: sum(rawConfig)}
	if out.ID != manifest.Config.Digest {
		return Image{}, fmt.Errorf("the config is %s and the manifest asks for %s; the image is damaged", out.ID, manifest.Config.Digest)
	}
	out.Config = &v1.ConfigFile{}
	if err := json.Unmarshal(rawConfig, out.Config); err != nil {
		return Image{}, fmt.Errorf("parsing the config %s: %w", out.ID, err)
	}
	if layers, ids := len(manifest.Layers), len(out.Config.RootFS.DiffIDs); layers != ids {
		return Image{}, fmt.Errorf("the manifest %s has %d layers and the config %d; it is not the image of a container, or damaged", out.Digest, layers, ids)
	}
	out.Platform = platformName(out.Config.OS, out.Config.Architecture, out.Config.Variant)
	return out, nil
}

// parseManifest refuses what only looks like the manifest of an image.
func parseManifest(raw []byte) (*v1.Manifest, error) {
	digest := sum(raw)
	manifest := &v1.Manifest{}
	if err := json.Unmarshal(raw, manifest); err != nil {
		return nil, fmt.Errorf("parsing the manifest %s: %w", digest, err)
	}
	if manifest.SchemaVersion != 2 {
		return nil, fmt.Errorf("the manifest %s has schema version %d; only version 2 can be read", digest, manifest.SchemaVersion)
	}
	if manifest.Config.Digest == (v1.Hash{}) {
		return nil, fmt.Errorf("the manifest %s names no config; it is not the manifest of an image", digest)
	}
	return manifest, nil
}

// sum is the digest of b.
func sum(b []byte) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: fmt.Sprintf("%x", sha256.Sum256(b))}
}

// BlobPath is where the blob lies in an OCI layout, whether or not it is there.
func BlobPath(layout string, digest v1.Hash) string {
	return filepath.Join(layout, filepath.FromSlash(blobName(digest)))
}

// OpenBlob opens a blob of an OCI layout. Its errors name the blob and the cause
// but not the layout, which may lie in a temporary directory: callers say what
// people know it as.
func OpenBlob(layout string, digest v1.Hash) (*os.File, error) {
	return openFile(layout, blobName(digest))
}

func blobName(digest v1.Hash) string { return path.Join("blobs", digest.Algorithm, digest.Hex) }

// readBlob reads a document of at most limit bytes and checks its digest.
func readBlob(layout string, digest v1.Hash, limit int64) ([]byte, error) {
	if digest.Algorithm != "sha256" || len(digest.Hex) != sha256.Size*2 || strings.Trim(digest.Hex, "0123456789abcdef") != "" {
		return nil, fmt.Errorf("the digest %q is not a SHA-256", digest)
	}
	raw, err := readFile(layout, blobName(digest), limit)
	if err != nil {
		return nil, err
	}
	if got := sum(raw); got != digest {
		return nil, fmt.Errorf("%s holds %s; the layout is damaged", blobName(digest), got)
	}
	return raw, nil
}

// readFile reads a file of a layout of at most limit bytes.
func readFile(layout, name string, limit int64) ([]byte, error) {
	f, err := openFile(layout, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, cause(err))
	}
	if int64(len(raw)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return raw, nil
}

func openFile(layout, name string) (*os.File, error) {
	f, err := os.Open(filepath.Join(layout, filepath.FromSlash(name)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, cause(err))
	}
	return f, nil
}

// cause is why a file could not be had, without its path.
func cause(err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return failed.Err
	}
	if failed, ok := errors.AsType[*os.LinkError](err); ok {
		return failed.Err
	}
	return err
}

// lying is an image in a layout: the bytes are given out as they lie, so that
// what is pushed is what was judged.
type lying struct {
	layout           string
	manifest, config []byte
	parsed           *v1.Manifest
}

func (l *lying) RawManifest() ([]byte, error)   { return slices.Clone(l.manifest), nil }
func (l *lying) RawConfigFile() ([]byte, error) { return slices.Clone(l.config), nil }

// MediaType is what the manifest says; OCI allows it to say nothing.
func (l *lying) MediaType() (types.MediaType, error) {
	if l.parsed.MediaType == "" {
		return types.OCIManifestSchema1, nil
	}
	return l.parsed.MediaType, nil
}

func (l *lying) LayerByDigest(digest v1.Hash) (partial.CompressedLayer, error) {
	if digest == l.parsed.Config.Digest {
		return &blob{layout: l.layout, descriptor: l.parsed.Config}, nil
	}
	for _, d := range l.parsed.Layers {
		if d.Digest == digest {
			return &blob{layout: l.layout, descriptor: d}, nil
		}
	}
	return nil, fmt.Errorf("the manifest has no layer %s", digest)
}

// blob is one blob of a layout.
type blob struct {
	layout     string
	descriptor v1.Descriptor
}

func (b *blob) Digest() (v1.Hash, error)            { return b.descriptor.Digest, nil }
func (b *blob) Size() (int64, error)                { return b.descriptor.Size, nil }
func (b *blob) MediaType() (types.MediaType, error) { return b.descriptor.MediaType, nil }
func (b *blob) Descriptor() (*v1.Descriptor, error) { return b.descriptor.DeepCopy(), nil }
func (b *blob) Compressed() (io.ReadCloser, error)  { return b.open() }
func (b *blob) open() (*os.File, error)             { return OpenBlob(b.layout, b.descriptor.Digest) }

// Exists says whether the blob lies in the layout; a layer that is fetched from
// elsewhere (a "foreign" one) may not.
func (b *blob) Exists() (bool, error) {
	_, err := os.Stat(BlobPath(b.layout, b.descriptor.Digest))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", blobName(b.descriptor.Digest), cause(err))
	}
	return true, nil
}

// load reads one manifest of a layout.
func load(layout string, digest v1.Hash) (Image, error) {
	raw, err := readBlob(layout, digest, maxManifest)
	if err != nil {
		return Image{}, fmt.Errorf("reading the manifest %s: %w", digest, err)
	}
	manifest, err := parseManifest(raw)
	if err != nil {
		return Image{}, err
	}
	config, err := readBlob(layout, manifest.Config.Digest, maxConfig)
	if err != nil {
		return Image{}, fmt.Errorf("reading the config of %s: %w", digest, err)
	}
	out, err := parse(raw, config)
	if err != nil {
		return Image{}, err
	}
	img, err := partial.CompressedToImage(&lying{layout: layout, manifest: raw, config: config, parsed: manifest})
	if err != nil {
		return Image{}, fmt.Errorf("opening %s: %w", digest, err)
	}
	out.Image, out.Layout = img, layout
	return out, nil
}
