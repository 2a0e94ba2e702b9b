package image

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
)

// Bounds on archives.
const (
	maxArchiveEntries = 100_000
	// maxArchiveBytes bounds what is unpacked: 64 GiB.
	maxArchiveBytes = 64 << 30
)

// Open opens an image that lies on disk: the directory of an OCI layout, or an
// archive, plain or gzipped, as "docker save" or an OCI exporter writes it.
//
// An archive is unpacked as an OCI layout into scratch, an empty directory that
// the caller removes when the image is no longer needed: there its layers can be
// read without inflating the archive again for each. A docker archive has no
// manifest, so one is written that names its config and layers as they are.
//
// The errors name the file and its cause; *AmbiguousError as for FromLayout.
func Open(name, scratch string, choice Choice) (Image, error) {
	info, err := os.Stat(name)
	if err != nil {
		return Image{}, fmt.Errorf("opening the image: %w", err)
	}
	if info.IsDir() {
		return FromLayout(name, choice.Digest, choice.Platform)
	}
	synthesised, err := unpack(name, scratch)
	if err != nil {
		return Image{}, fmt.Errorf("reading the image archive %s: %w", name, err)
	}
	l := layout{dir: scratch, kind: "image archive", name: name}
	img, err := l.choose(choice)
	if err != nil {
		return Image{}, err
	}
	img.Synthesised = synthesised
	return img, nil
}

// unpack writes an archive as an OCI layout, and says whether it had to write
// manifests that the archive lacks.
func unpack(name, dir string) (synthesised bool, err error) {
	f, err := os.Open(name)
	if err != nil {
		return false, cause(err)
	}
	defer f.Close()
	var r io.Reader = bufio.NewReaderSize(f, 1<<20)
	if magic, err := r.(*bufio.Reader).Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(r)
		if err != nil {
			return false, fmt.Errorf("inflating it: %w", err)
		}
		defer z.Close()
		r = z
	}
	a := &archive{layout: dir, files: map[string]v1.Descriptor{}, links: map[string]string{}}
	if err := a.read(r); err != nil {
		return false, err
	}
	return a.finish()
}

// archive is one while it is unpacked: every file becomes a blob under its digest.
type archive struct {
	layout string
	files  map[string]v1.Descriptor // by name in the archive
	links  map[string]string        // "docker save" of old links equal layers
	left   int64
}

func (a *archive) read(r io.Reader) error {
	if err := os.MkdirAll(filepath.Join(a.layout, "blobs", "sha256"), 0o700); err != nil {
		return fmt.Errorf("making room to unpack it: %w", cause(err))
	}
	a.left = maxArchiveBytes
	tr := tar.NewReader(r)
	for count := 0; ; count++ {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading entry %d: %w; the archive is damaged or not one", count, err)
		}
		if count >= maxArchiveEntries {
			return fmt.Errorf("the archive has more than %d entries", maxArchiveEntries)
		}
		name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
		switch h.Typeflag {
		case tar.TypeReg:
			d, err := a.store(tr)
			if err != nil {
				return fmt.Errorf("unpacking %q: %w", h.Name, err)
			}
			a.files[name] = d
		case tar.TypeSymlink:
			to := path.Join("/", path.Dir(name), h.Linkname) //nolint:gosec // a name inside the archive: blobs are written under their digests
			a.links[name] = strings.TrimPrefix(to, "/")
		case tar.TypeLink:
			a.links[name] = strings.TrimPrefix(path.Clean("/"+h.Linkname), "/")
		}
	}
}

// store writes one blob and returns its digest, size and media type as a layer.
func (a *archive) store(r io.Reader) (v1.Descriptor, error) {
	tmp, err := os.CreateTemp(a.layout, "unpacking-")
	if err != nil {
		return v1.Descriptor{}, cause(err)
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	head := &headWriter{}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(tmp, hash, head), io.LimitReader(r, a.left+1))
	if err != nil {
		return v1.Descriptor{}, cause(err)
	}
	if a.left -= n; a.left < 0 {
		return v1.Descriptor{}, fmt.Errorf("the archive holds more than %d bytes", int64(maxArchiveBytes))
	}
	if err := tmp.Close(); err != nil {
		return v1.Descriptor{}, cause(err)
	}
	digest := v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(hash.Sum(nil))}
	if err := os.Rename(tmp.Name(), BlobPath(a.layout, digest)); err != nil {
		return v1.Descriptor{}, cause(err)
	}
	return v1.Descriptor{Digest: digest, Size: n, MediaType: layerType(head.head)}, nil
}

// headWriter keeps the first bytes.
type headWriter struct{ head []byte }

func (w *headWriter) Write(p []byte) (int, error) {
	if need := 4 - len(w.head); need > 0 {
		w.head = append(w.head, p[:min(need, len(p))]...)
	}
	return len(p), nil
}

// layerType is the OCI media type of a layer that begins with head.
func layerType(head []byte) types.MediaType {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return types.OCILayer
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return types.OCILayerZStd
	}
	return types.OCIUncompressedLayer
}

// finish writes index.json: the archive's own where it is an OCI layout, else
// one for the images of Docker's manifest.json, with the manifests they lack.
func (a *archive) finish() (synthesised bool, err error) {
	if d, ok := a.lookup("index.json"); ok {
		raw, err := readBlob(a.layout, d.Digest, maxManifest)
		if err != nil {
			return false, fmt.Errorf("reading index.json: %w", err)
		}
		return false, a.writeIndex(raw)
	}
	d, ok := a.lookup("manifest.json")
	if !ok {
		return false, errors.New(`it has neither "index.json" nor "manifest.json"; want what "docker save" or an OCI exporter writes`)
	}
	raw, err := readBlob(a.layout, d.Digest, maxManifest)
	if err != nil {
		return false, fmt.Errorf("reading manifest.json: %w", err)
	}
	var images []dockerImage
	if err := json.Unmarshal(raw, &images); err != nil {
		return false, fmt.Errorf("parsing manifest.json: %w", err)
	}
	index := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
	for i, img := range images {
		d, err := a.manifest(img)
		if err != nil {
			return false, fmt.Errorf("reading image %d of manifest.json: %w", i, err)
		}
		index.Manifests = append(index.Manifests, d)
	}
	raw, err = json.Marshal(index)
	if err != nil {
		return false, fmt.Errorf("writing index.json: %w", err)
	}
	return true, a.writeIndex(raw)
}

func (a *archive) writeIndex(raw []byte) error {
	if err := os.WriteFile(filepath.Join(a.layout, "index.json"), raw, 0o600); err != nil {
		return fmt.Errorf("writing index.json: %w", cause(err))
	}
	return nil
}

// dockerImage is an element of manifest.json.
type dockerImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// manifest writes the manifest a docker archive lacks.
func (a *archive) manifest(img dockerImage) (v1.Descriptor, error) {
	config, ok := a.lookup(img.Config)
	if !ok {
		return v1.Descriptor{}, fmt.Errorf("the config %q is not in the archive", img.Config)
	}
	config.MediaType = types.OCIConfigJSON
	manifest := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: config}
	for i, name := range img.Layers {
		d, ok := a.lookup(name)
		if !ok {
			return v1.Descriptor{}, fmt.Errorf("layer %d, %q, is not in the archive", i, name)
		}
		manifest.Layers = append(manifest.Layers, d)
	}
	raw, err := json.Marshal(manifest)
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("writing the manifest: %w", err)
	}
	d, err := a.store(bytes.NewReader(raw))
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("writing the manifest: %w", err)
	}
	d.MediaType = manifest.MediaType
	if len(img.RepoTags) > 0 {
		d.Annotations = map[string]string{annotationContainerd: img.RepoTags[0]}
	}
	return d, nil
}

// lookup finds a file of the archive by name, through at most a few links.
func (a *archive) lookup(name string) (v1.Descriptor, bool) {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	for range 8 {
		if d, ok := a.files[name]; ok {
			return d, true
		}
		target, ok := a.links[name]
		if !ok {
			break
		}
		name = target
	}
	return v1.Descriptor{}, false
}
