package registry

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/plimsoll-ci/plimsoll/internal/image"
)

// BlobLimit bounds a blob that is read into memory: 64 MiB, half of what cosign
// allows an attachment.
const BlobLimit = 64 << 20

// Manifest is a manifest or index as the registry holds it.
type Manifest struct {
	Bytes     []byte
	MediaType types.MediaType
	Digest    v1.Hash // computed from Bytes
}

// Manifest reads a manifest by tag or digest. Its digest is recomputed; when it
// was asked for by digest and the bytes have another, that is an error of kind
// Mismatch.
func (c *Client) Manifest(ctx context.Context, ref name.Reference) (Manifest, error) {
	a := act{doing: "reading the manifest of", target: ref.String(), repo: ref.Context(), scope: transport.PullScope}
	return c.manifest(ctx, a, ref)
}

func (c *Client) manifest(ctx context.Context, a act, ref name.Reference) (Manifest, error) {
	var m Manifest
	err := c.try(ctx, a, func(s *session) error {
		d, err := s.puller.Get(ctx, ref)
		if err != nil {
			return err
		}
		m = Manifest{Bytes: d.Manifest, MediaType: d.MediaType}
		m.Digest, _, err = v1.SHA256(bytes.NewReader(m.Bytes))
		return err
	})
	if err != nil {
		return Manifest{}, err
	}
	if want, ok := ref.(name.Digest); ok && want.DigestStr() != m.Digest.String() {
		return Manifest{}, mismatch(a, want.DigestStr(), m.Digest)
	}
	return m, nil
}

func mismatch(a act, want string, got v1.Hash) error {
	return &Error{
		Kind: Mismatch, Doing: a.doing, Target: a.target,
		Detail: fmt.Sprintf("what lies there has the digest %s, not %s; the registry or something in between changed it", got, want),
	}
}

// Resolve returns the digest that a reference stands for now, computed from the
// manifest's bytes.
func (c *Client) Resolve(ctx context.Context, ref name.Reference) (name.Digest, error) {
	a := act{doing: "resolving", target: ref.String(), repo: ref.Context(), scope: transport.PullScope}
	m, err := c.manifest(ctx, a, ref)
	if err != nil {
		return name.Digest{}, err
	}
	return ref.Context().Digest(m.Digest.String()), nil
}

// Blob reads a whole blob into memory. It fails with kind TooLarge when the
// descriptor or the bytes exceed limit, and with Mismatch when they have another
// digest.
func (c *Client) Blob(ctx context.Context, repo name.Repository, d v1.Descriptor, limit int64) ([]byte, error) {
	ref := repo.Digest(d.Digest.String())
	a := act{doing: "reading the blob", target: ref.String(), repo: repo, scope: transport.PullScope}
	tooLarge := &Error{Kind: TooLarge, Doing: a.doing, Target: a.target, Detail: fmt.Sprintf("it is larger than %d bytes, more than is read of such a blob", limit)}
	if d.Size > limit {
		return nil, tooLarge
	}
	var data []byte
	err := c.try(ctx, a, func(s *session) error {
		layer, err := s.puller.Layer(ctx, ref)
		if err != nil {
			return err
		}
		rc, err := layer.Compressed()
		if err != nil {
			return err
		}
		defer rc.Close()
		data, err = io.ReadAll(io.LimitReader(rc, limit+1))
		return err
	})
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, tooLarge
	}
	got, _, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("hashing the blob %s: %w", ref, err)
	}
	if got != d.Digest {
		return nil, mismatch(a, d.Digest.String(), got)
	}
	return data, nil
}

// Pull reads the manifest and config of one image; layers are read when they are
// opened, within ctx. Of an index it takes the image for platform ("linux/amd64");
// an empty platform takes the only image there is. The digest of the result is
// that of the image's own manifest.
func (c *Client) Pull(ctx context.Context, ref name.Reference, platform string) (image.Image, error) {
	a := act{doing: "pulling", target: ref.String(), repo: ref.Context(), scope: transport.PullScope}
	var img image.Image
	err := c.try(ctx, a, func(s *session) error {
		d, err := s.puller.Get(ctx, ref)
		if err != nil {
			return err
		}
		if d.MediaType.IsIndex() {
			digest, err := choose(d.Manifest, platform)
			if err != nil {
				return err
			}
			if d, err = s.puller.Get(ctx, ref.Context().Digest(digest.String())); err != nil {
				return err
			}
		}
		if img, err = open(d); err == nil {
			img.Reference = ref.String()
		}
		return err
	})
	return img, err
}

// open reads the config of an image, and computes the digests of both.
func open(d *remote.Descriptor) (image.Image, error) {
	remoteImage, err := d.Image()
	if err != nil {
		return image.Image{}, fmt.Errorf("reading the manifest: %w", err)
	}
	digest, _, err := v1.SHA256(bytes.NewReader(d.Manifest))
	if err != nil {
		return image.Image{}, fmt.Errorf("hashing the manifest: %w", err)
	}
	manifest, err := v1.ParseManifest(bytes.NewReader(d.Manifest))
	if err != nil {
		return image.Image{}, fmt.Errorf("reading the manifest: %w", err)
	}
	raw, err := remoteImage.RawConfigFile()
	if err != nil {
		return image.Image{}, fmt.Errorf("reading the config: %w", err)
	}
	id, _, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return image.Image{}, fmt.Errorf("hashing the config: %w", err)
	}
	if id != manifest.Config.Digest {
		return image.Image{}, fmt.Errorf("the config has the digest %s, but the manifest names %s", id, manifest.Config.Digest)
	}
	config, err := v1.ParseConfigFile(bytes.NewReader(raw))
	if err != nil {
		return image.Image{}, fmt.Errorf("reading the config: %w", err)
	}
	return image.Image{Image: remoteImage, Digest: digest, ID: id, Platform: platformOf(config.Platform()), Config: config}, nil
}

func platformOf(p *v1.Platform) string {
	if p == nil {
		return ""
	}
	return strings.Trim(strings.Join([]string{p.OS, p.Architecture, p.Variant}, "/"), "/")
}

// choose picks the image of an index. Build attestations ("unknown/unknown") are
// no images.
func choose(raw []byte, platform string) (v1.Hash, error) {
	index, err := v1.ParseIndexManifest(bytes.NewReader(raw))
	if err != nil {
		return v1.Hash{}, fmt.Errorf("the index cannot be read: %w", err)
	}
	var all []string
	var images []v1.Descriptor
	for _, d := range index.Manifests {
		if !d.MediaType.IsImage() || d.Annotations["vnd.docker.reference.type"] == "attestation-manifest" {
			continue
		}
		images = append(images, d)
		all = append(all, platformOf(d.Platform))
		if platform != "" && platformOf(d.Platform) == platform {
			return d.Digest, nil
		}
	}
	if platform == "" && len(images) == 1 {
		return images[0].Digest, nil
	}
	if platform == "" {
		return v1.Hash{}, fmt.Errorf("it holds images for %s; say which platform is meant", strings.Join(all, ", "))
	}
	return v1.Hash{}, fmt.Errorf("it holds no image for %q, only for %s", platform, strings.Join(all, ", "))
}
