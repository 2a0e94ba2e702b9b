package dbbuild

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy"
)

// Push makes an artefact of the database in dir, shaped as the one that Trivy
// publishes, and writes it to ref ("localhost:5000/trivy-db:2"). The same
// database gives the same digest.
func Push(ctx context.Context, dir, ref string, options ...remote.Option) (v1.Hash, error) {
	tag, err := name.ParseReference(ref, name.WithDefaultTag("2"))
	if err != nil {
		return v1.Hash{}, fmt.Errorf("reading the reference: %w", err)
	}
	img, err := Artefact(dir)
	if err != nil {
		return v1.Hash{}, err
	}
	if err := remote.Write(tag, img, append(options, remote.WithContext(ctx))...); err != nil {
		return v1.Hash{}, fmt.Errorf("pushing the database to %q: %w", ref, err)
	}
	return img.Digest()
}

// Artefact returns the artefact of the database in dir.
func Artefact(dir string) (v1.Image, error) {
	packed, err := Pack(dir)
	if err != nil {
		return nil, err
	}
	return Wrap(packed)
}

// Wrap returns an artefact whose only layer is packed.
func Wrap(packed []byte) (v1.Image, error) {
	img, err := mutate.Append(mutate.MediaType(empty.Image, types.OCIManifestSchema1), mutate.Addendum{
		Layer:       static.NewLayer(packed, trivy.DatabaseMediaType),
		Annotations: map[string]string{"org.opencontainers.image.title": "db.tar.gz"},
		MediaType:   trivy.DatabaseMediaType,
	})
	if err != nil {
		return nil, fmt.Errorf("making the artefact: %w", err)
	}
	return mutate.ConfigMediaType(img, "application/vnd.aquasec.trivy.config.v1+json"), nil
}

// Pack returns the gzipped tar of trivy.db and metadata.json, without times and owners.
func Pack(dir string) ([]byte, error) {
	var buf bytes.Buffer
	zipped := gzip.NewWriter(&buf)
	archive := tar.NewWriter(zipped)
	for _, file := range []string{"trivy.db", "metadata.json"} {
		if err := add(archive, dir, file); err != nil {
			return nil, fmt.Errorf("packing %q: %w", file, err)
		}
	}
	if err := archive.Close(); err != nil {
		return nil, fmt.Errorf("packing the database: %w", err)
	}
	if err := zipped.Close(); err != nil {
		return nil, fmt.Errorf("packing the database: %w", err)
	}
	return buf.Bytes(), nil
}

func add(archive *tar.Writer, dir, file string) error {
	f, err := os.Open(filepath.Join(dir, file))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := archive.WriteHeader(&tar.Header{Name: file, Mode: 0o644, Size: info.Size()}); err != nil {
		return err
	}
	_, err = io.Copy(archive, f)
	return err
}
