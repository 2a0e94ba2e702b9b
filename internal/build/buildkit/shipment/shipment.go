// Package shipment takes apart what BuildKit exported: the one image, moved as it
// is into an OCI layout that holds nothing else, and its provenance.
package shipment

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/plimsoll-ci/plimsoll/internal/image"
)

// How BuildKit marks attestations (BuildKit, docs/attestations/attestation-storage.md).
const (
	annotationReference = "vnd.docker.reference.type"
	referenceAttest     = "attestation-manifest"
	annotationPredicate = "in-toto.io/predicate-type"
	predicateProvenance = "https://slsa.dev/provenance/"
)

// Shipment is what BuildKit exported, taken apart.
type Shipment struct {
	dir        string // OCI layout as BuildKit wrote it
	image      v1.Descriptor
	provenance *statement // nil when there is none
}

// statement is an in-toto statement (in-toto attestation framework, v1).
type statement struct {
	Type          string          `json:"_type"`
	Subject       []subject       `json:"subject"`
	PredicateType string          `json:"predicateType"`
	Predicate     json.RawMessage `json:"predicate"`
}

type subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

// CheckOutput says whether a layout may be written to dir: it does not exist, or is empty.
func CheckOutput(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("looking at the output directory: %w", err)
	case len(entries) > 0:
		return fmt.Errorf("the output directory %s is not empty; name another one", dir)
	}
	return nil
}

// Open finds the one image manifest and the provenance in the OCI layout that
// BuildKit wrote to dir.
func Open(dir string) (Shipment, error) {
	s := Shipment{dir: dir}
	raw, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		return s, fmt.Errorf("reading what was built: %w", err)
	}
	var index v1.IndexManifest
	if err := json.Unmarshal(raw, &index); err != nil {
		return s, fmt.Errorf("parsing the index of what was built: %w", err)
	}
	found := 0
	for queue := index.Manifests; len(queue) > 0; queue = queue[1:] {
		switch d := queue[0]; {
		case d.MediaType.IsIndex():
			var inner v1.IndexManifest
			if err := s.read(d.Digest, &inner); err != nil {
				return s, err
			}
			queue = append(queue, inner.Manifests...)
		case d.Annotations[annotationReference] == referenceAttest:
			if err := s.attestation(d.Digest); err != nil {
				return s, err
			}
		default:
			s.image = d
			found++
		}
	}
	if found != 1 {
		return s, fmt.Errorf("the build gave %d images, want 1; build one platform at a time", found)
	}
	return s, nil
}

// read parses a JSON blob after checking its digest.
func (s *Shipment) read(digest v1.Hash, into any) error {
	raw, err := os.ReadFile(image.BlobPath(s.dir, digest))
	if err != nil {
		return fmt.Errorf("reading what was built: %w", err)
	}
	got, _, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("hashing what was built: %w", err)
	}
	if got != digest {
		return fmt.Errorf("reading what was built: blob %s holds %s", digest, got)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("parsing blob %s of what was built: %w", digest, err)
	}
	return nil
}

// attestation keeps the provenance of an attestation manifest.
func (s *Shipment) attestation(digest v1.Hash) error {
	var manifest v1.Manifest
	if err := s.read(digest, &manifest); err != nil {
		return err
	}
	for _, l := range manifest.Layers {
		if !strings.HasPrefix(l.Annotations[annotationPredicate], predicateProvenance) {
			continue
		}
		s.provenance = &statement{}
		if err := s.read(l.Digest, s.provenance); err != nil {
			return err
		}
	}
	return nil
}

// HasProvenance says whether the builder gave a SLSA provenance.
func (s *Shipment) HasProvenance() bool { return s.provenance != nil }

// WriteProvenance writes the in-toto statement to path; there must be one. BuildKit names no subject for an
// image that has no name; "_" is in-toto's name for that.
func (s *Shipment) WriteProvenance(path string) error {
	st := *s.provenance
	st.Subject = []subject{{Name: "_", Digest: map[string]string{s.image.Digest.Algorithm: s.image.Digest.Hex}}}
	raw, err := json.MarshalIndent(st, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the provenance: %w", err)
	}
	if err := os.WriteFile(path, append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the provenance: %w", err)
	}
	return nil
}

// Ship makes output an OCI layout that holds the image and nothing else, and
// opens it: digests are recomputed from the bytes that lie there.
func (s *Shipment) Ship(output string) (image.Image, error) {
	var manifest v1.Manifest
	if err := s.read(s.image.Digest, &manifest); err != nil {
		return image.Image{}, err
	}
	clean := filepath.Join(s.dir, "shipped")
	if err := os.MkdirAll(filepath.Join(clean, "blobs", "sha256"), 0o755); err != nil {
		return image.Image{}, fmt.Errorf("writing the layout: %w", err)
	}
	blobs := append([]v1.Descriptor{s.image, manifest.Config}, manifest.Layers...)
	moved := map[v1.Hash]bool{}
	for _, blob := range blobs {
		if moved[blob.Digest] {
			continue
		}
		moved[blob.Digest] = true
		if err := s.move(blob, clean); err != nil {
			return image.Image{}, err
		}
	}
	if err := s.writeIndex(clean); err != nil {
		return image.Image{}, err
	}
	// Renaming onto an empty directory replaces it.
	if err := os.Rename(clean, output); err != nil {
		return image.Image{}, fmt.Errorf("putting the layout in its place: %w", err)
	}
	img, err := image.FromLayout(output, "", "")
	if err != nil {
		return image.Image{}, fmt.Errorf("opening the layout that was built: %w", err)
	}
	if img.Digest != s.image.Digest {
		return image.Image{}, fmt.Errorf("the image in %s has digest %s, and BuildKit said %s", output, img.Digest, s.image.Digest)
	}
	return img, nil
}

// move takes a blob over. BuildKit's store hashed it when it was written; its
// size is checked here, and its digest again by whoever reads it.
func (s *Shipment) move(blob v1.Descriptor, to string) error {
	from := image.BlobPath(s.dir, blob.Digest)
	info, err := os.Stat(from)
	if err != nil {
		return fmt.Errorf("reading what was built: %w", err)
	}
	if info.Size() != blob.Size {
		return fmt.Errorf("blob %s has %d bytes, want %d", blob.Digest, info.Size(), blob.Size)
	}
	if err := os.Chmod(from, 0o644); err != nil {
		return fmt.Errorf("writing the layout: %w", err)
	}
	if err := os.Rename(from, image.BlobPath(to, blob.Digest)); err != nil {
		return fmt.Errorf("writing the layout: %w", err)
	}
	return nil
}

// writeIndex writes what makes a directory an OCI layout. Annotations of the
// exporter (names, the time of export) are left out: they differ between runs.
func (s *Shipment) writeIndex(dir string) error {
	d := s.image
	index, err := json.MarshalIndent(v1.IndexManifest{
		SchemaVersion: 2,
		MediaType:     types.OCIImageIndex,
		Manifests:     []v1.Descriptor{{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size, Platform: d.Platform}},
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the layout's index: %w", err)
	}
	for name, content := range map[string][]byte{"oci-layout": []byte(`{"imageLayoutVersion":"1.0.0"}`), "index.json": append(index, '\n')} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return fmt.Errorf("writing the layout: %w", err)
		}
	}
	return nil
}
