package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

// The bounds of what a push follows. Blobs go four at a time, as the library's
// own default.
const (
	uploads       = 4
	indexDepth    = 4
	manifestLimit = 8 << 20
)

// Push writes the image or index with this digest from an OCI layout: its blobs,
// then the manifests inside an index, then its manifest under its digest, each
// byte as it lies in the layout. What the registry has is not sent again. No tag
// is written or moved. At the end the manifest is read back and compared.
//
// Progress is emitted as Count events in bytes under the stage's name.
func (c *Client) Push(ctx context.Context, dir string, digest v1.Hash, repo name.Repository, stage string, sink progress.Sink) (name.Digest, error) {
	ref := repo.Digest(digest.String())
	a := act{doing: "pushing", target: ref.String(), repo: repo, scope: transport.PushScope}
	p := &push{client: c, dir: dir, act: a, seen: make(map[v1.Hash]bool), stage: stage, sink: sink}
	if err := p.collect(v1.Descriptor{Digest: digest}, 0); err != nil {
		return name.Digest{}, fmt.Errorf("reading the image %s to push: %w", digest, err)
	}
	switch _, err := c.manifest(ctx, a, ref); {
	case err == nil:
		p.count(p.total)
		return ref, nil
	case !IsNotFound(err) && !forbidden(err):
		return name.Digest{}, err
	}
	if err := p.uploadAll(ctx); err != nil {
		return name.Digest{}, err
	}
	for _, m := range p.manifests {
		if err := c.put(ctx, a, repo.Digest(m.Digest.String()), m); err != nil {
			return name.Digest{}, err
		}
	}
	if _, err := c.manifest(ctx, act{doing: "reading back", target: a.target, repo: repo, scope: transport.PushScope}, ref); err != nil {
		return name.Digest{}, err
	}
	return ref, nil
}

// forbidden says that a registry answered 403, as some do for what does not exist.
func forbidden(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode == http.StatusForbidden
}

func (c *Client) put(ctx context.Context, a act, ref name.Reference, m Manifest) error {
	return c.try(ctx, a, func(s *session) error { return s.pusher.Put(ctx, ref, taggable{m}) })
}

// taggable is a manifest that says its media type, as remote.Put looks for it.
type taggable struct{ m Manifest }

func (t taggable) RawManifest() ([]byte, error)        { return t.m.Bytes, nil }
func (t taggable) MediaType() (types.MediaType, error) { return t.m.MediaType, nil }

// push is one push under way.
type push struct {
	client    *Client
	dir       string
	act       act
	seen      map[v1.Hash]bool
	blobs     []v1.Descriptor
	manifests []Manifest // what an index names stands before it
	stage     string
	sink      progress.Sink
	total     int64
	done      atomic.Int64
}

// collect reads the tree of manifests below one digest, and lists its blobs. The
// digests of manifests are recomputed here, those of blobs while they are sent.
func (p *push) collect(d v1.Descriptor, depth int) error {
	if p.seen[d.Digest] {
		return nil
	}
	p.seen[d.Digest] = true
	if depth > indexDepth {
		return fmt.Errorf("indexes lie more than %d deep in each other", indexDepth)
	}
	m, err := p.read(d)
	if err != nil {
		return err
	}
	if m.MediaType.IsIndex() {
		index, err := v1.ParseIndexManifest(bytes.NewReader(m.Bytes))
		if err != nil {
			return fmt.Errorf("reading the index %s: %w", d.Digest, err)
		}
		for _, child := range index.Manifests {
			if child.MediaType.IsIndex() || child.MediaType.IsImage() {
				if err := p.collect(child, depth+1); err != nil {
					return err
				}
			} else {
				p.blob(child)
			}
		}
	} else {
		manifest, err := v1.ParseManifest(bytes.NewReader(m.Bytes))
		if err != nil {
			return fmt.Errorf("reading the manifest %s: %w", d.Digest, err)
		}
		p.blob(manifest.Config)
		for _, layer := range manifest.Layers {
			p.blob(layer)
		}
	}
	p.manifests = append(p.manifests, m)
	return nil
}

// read reads and checks one manifest. Its media type is what the index says, or
// else what it says itself.
func (p *push) read(d v1.Descriptor) (Manifest, error) {
	rc, err := image.OpenBlob(p.dir, d.Digest)
	if err != nil {
		return Manifest{}, fmt.Errorf("opening the manifest %s: %w", d.Digest, err)
	}
	defer rc.Close()
	raw, err := io.ReadAll(io.LimitReader(rc, manifestLimit+1))
	if err != nil {
		return Manifest{}, fmt.Errorf("reading the manifest %s: %s", d.Digest, cause(err))
	}
	if len(raw) > manifestLimit {
		return Manifest{}, fmt.Errorf("the manifest %s is larger than %d bytes", d.Digest, manifestLimit)
	}
	got, _, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return Manifest{}, fmt.Errorf("hashing the manifest %s: %w", d.Digest, err)
	}
	if got != d.Digest {
		return Manifest{}, fmt.Errorf("the manifest %s has the digest %s; the layout was changed, build it again", d.Digest, got)
	}
	var says struct {
		MediaType types.MediaType `json:"mediaType"`
	}
	if err := json.Unmarshal(raw, &says); err != nil {
		return Manifest{}, fmt.Errorf("reading the manifest %s: %w", d.Digest, err)
	}
	m := Manifest{Bytes: raw, MediaType: d.MediaType, Digest: got}
	if m.MediaType == "" {
		m.MediaType = says.MediaType
	}
	if m.MediaType == "" {
		m.MediaType = types.OCIManifestSchema1
	}
	return m, nil
}

// blob notes a blob to be sent. Layers that may not be distributed stay where
// their URLs say.
func (p *push) blob(d v1.Descriptor) {
	if !p.seen[d.Digest] && d.MediaType.IsDistributable() {
		p.seen[d.Digest] = true
		p.blobs = append(p.blobs, d)
		p.total += d.Size
	}
}

func (p *push) uploadAll(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(uploads)
	for _, d := range p.blobs {
		group.Go(func() error { return p.upload(ctx, d) })
	}
	return group.Wait()
}

// upload sends one blob, unless the registry has it.
func (p *push) upload(ctx context.Context, d v1.Descriptor) error {
	r := &relay{desc: d, count: p.count}
	r.open = func() (io.ReadCloser, error) {
		f, err := image.OpenBlob(p.dir, d.Digest)
		if err != nil {
			return nil, &Error{Doing: p.act.doing, Target: p.act.target, Detail: fmt.Sprintf("the layout does not hold the blob %s; build it again", d.Digest), Err: err}
		}
		return f, nil
	}
	r.differs = func(string) error {
		return &Error{Kind: Mismatch, Doing: p.act.doing, Target: p.act.target, Detail: fmt.Sprintf("the blob %s in the layout was changed since it was built; build it again", d.Digest)}
	}
	if err := p.client.try(ctx, p.act, func(s *session) error { return r.upload(ctx, s, r) }); err != nil {
		return err
	}
	p.count(d.Size - r.sent()) // what was there already
	return nil
}

// count tells how far it is, about once every MiB.
func (p *push) count(n int64) {
	done := p.done.Add(n)
	if n != 0 && (done>>20 != (done-n)>>20 || done == p.total) {
		p.sink.Emit(progress.Event{Kind: progress.Count, Stage: p.stage, Done: done, Total: p.total})
	}
}
