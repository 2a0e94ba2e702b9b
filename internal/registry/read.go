package registry

import (
	"bytes"
	"context"
	"fmt"
	"io"

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
// opened, within ctx. Of an index it takes the image that image.Choose does: the
// one for platform ("linux/amd64"), or without a platform the only one, else the
// one for Linux on this machine's architecture. An image that is not for the
// platform that was asked for is an *image.AmbiguousError. The digest of the
// result is that of the image's own manifest.
func (c *Client) Pull(ctx context.Context, ref name.Reference, platform string) (image.Image, error) {
	a := act{doing: "pulling", target: ref.String(), repo: ref.Context(), scope: transport.PullScope}
	top, err := c.descriptor(ctx, a, ref)
	if err != nil {
		return image.Image{}, err
	}
	get := func(digest v1.Hash) (*remote.Descriptor, error) {
		if digest == top.Digest {
			return top, nil
		}
		return c.descriptor(ctx, a, ref.Context().Digest(digest.String()))
	}
	shelf := image.Shelf{
		Index: func(digest v1.Hash) ([]byte, error) {
			d, err := get(digest)
			if err != nil {
				return nil, err
			}
			return d.Manifest, nil
		},
		Image: func(digest v1.Hash, _ string) (image.Image, error) {
			d, err := get(digest)
			if err != nil {
				return image.Image{}, err
			}
			return c.open(ctx, a, d, ref)
		},
	}
	alone := &v1.IndexManifest{Manifests: []v1.Descriptor{{MediaType: top.MediaType, Digest: top.Digest}}}
	img, err := image.Choose(alone, ref.String(), image.Choice{Platform: platform}, shelf)
	if err != nil {
		return image.Image{}, classify(ctx, a, err)
	}
	return img, nil
}

// descriptor reads a manifest whose image can then be read in the same conversation.
func (c *Client) descriptor(ctx context.Context, a act, ref name.Reference) (*remote.Descriptor, error) {
	var d *remote.Descriptor
	err := c.try(ctx, a, func(s *session) error {
		var err error
		if d, err = s.puller.Get(ctx, ref); err != nil {
			return err
		}
		// The library believes the registry's header where it was asked for a tag.
		d.Digest, _, err = v1.SHA256(bytes.NewReader(d.Manifest))
		return err
	})
	return d, err
}

// open reads the config of an image and checks it.
func (c *Client) open(ctx context.Context, a act, d *remote.Descriptor, ref name.Reference) (image.Image, error) {
	var read v1.Image
	err := c.try(ctx, a, func(*session) error {
		var err error
		if read, err = d.Image(); err != nil {
			return err
		}
		_, err = read.RawConfigFile() // kept by the library
		return err
	})
	if err != nil {
		return image.Image{}, err
	}
	return image.From(read, ref.String())
}
