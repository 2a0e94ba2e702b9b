// Package replica copies an image or index from one repository to another together
// with all that lies beside it: what an index names, what refers to any of it, and
// the tags that cosign kept evidence under before there were referrers. Every
// manifest arrives byte for byte under its digest.
//
// Reading and writing are apart: an Original is read whole, within bounds, before
// anything is written. No tag of a person is moved here; that is left to the
// caller, as the last act.
package replica

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"github.com/plimsoll-ci/plimsoll/internal/registry"
)

// The bounds of what is followed, far above what images have. More is an error: a
// copy cut short could lose the evidence that counts.
const (
	depthLimit    = 4        // of indexes in each other, and of evidence about evidence
	manifestLimit = 1000     // all together
	bytesLimit    = 64 << 20 // of all manifests together
)

// suffixes of the tags "sha256-<hex><suffix>" that cosign keeps signatures,
// attestations and inventories under (cosign 2, pkg/oci/remote).
var suffixes = []string{".sig", ".att", ".sbom"}

// artifactManifest is the media type of the artifact manifest that releases 1.1.0-rc
// of the OCI image specification had; some registries still hold such referrers.
const artifactManifest = "application/vnd.oci.artifact.manifest.v1+json"

// Original is an image or index as it lies in a registry, with all that lies beside it.
type Original struct {
	// Digest names it.
	Digest name.Digest
	// Notes say what cannot be copied, and what claims to lie beside it and does not.
	Notes []string

	client *registry.Client
	items  []item // each after what it names, evidence after what it is about
	blobs  map[v1.Hash]v1.Descriptor
}

// item is one manifest.
type item struct {
	registry.Manifest
	blobs    []v1.Hash
	subject  v1.Hash // what it refers to; zero when it is no referrer
	tag      string  // the tag cosign finds it by; empty otherwise
	entries  []entry // what its tag lists; only with a tag
	evidence int     // 0 is the image, 1 is evidence about it, 2 is evidence about that
}

// document is what matters here of any kind of manifest.
type document struct {
	MediaType types.MediaType `json:"mediaType"`
	Config    *v1.Descriptor  `json:"config"`
	Layers    []v1.Descriptor `json:"layers"`
	Blobs     []v1.Descriptor `json:"blobs"`
	Manifests []v1.Descriptor `json:"manifests"`
	Subject   *v1.Descriptor  `json:"subject"`
}

// Read reads the manifests of an image or index and of all that lies beside it.
// Blobs are read when they are copied.
func Read(ctx context.Context, client *registry.Client, digest name.Digest) (*Original, error) {
	r := &reader{
		Original: &Original{Digest: digest, client: client, blobs: map[v1.Hash]v1.Descriptor{}},
		seen:     map[v1.Hash]bool{},
	}
	m, err := client.Manifest(ctx, digest)
	if err != nil {
		return nil, err
	}
	if err := r.tree(ctx, m, item{}, 0); err != nil {
		return nil, err
	}
	looked := map[v1.Hash]bool{}
	for i := 0; i < len(r.items); i++ { //nolint:intrange // the list grows while it is walked
		if looked[r.items[i].Digest] {
			continue
		}
		looked[r.items[i].Digest] = true
		if err := r.beside(ctx, r.items[i]); err != nil {
			return nil, err
		}
	}
	return r.Original, nil
}

type reader struct {
	*Original
	seen  map[v1.Hash]bool
	bytes int
}

// tree takes a manifest and what it names. as holds what is known of it.
func (r *reader) tree(ctx context.Context, m registry.Manifest, as item, depth int) error {
	if r.seen[m.Digest] && as.tag == "" {
		return nil
	}
	r.seen[m.Digest] = true
	at := r.Digest.Context().Digest(m.Digest.String())
	if r.bytes += len(m.Bytes); depth > depthLimit || len(r.items) >= manifestLimit || r.bytes > bytesLimit {
		return tooLarge(r.Digest)
	}
	var d document
	if err := json.Unmarshal(m.Bytes, &d); err != nil {
		return unreadable(at, err)
	}
	if d.MediaType != "" {
		m.MediaType = d.MediaType
	}
	if m.MediaType.IsSchema1() || (d.Config == nil && d.Manifests == nil && d.Blobs == nil && m.MediaType != artifactManifest) {
		return &registry.Error{Doing: "reading the manifest of", Target: at.String(), Detail: fmt.Sprintf("it is of the kind %q, which cannot be copied; build the image anew", m.MediaType)}
	}
	for _, child := range d.Manifests {
		if !isManifest(child.MediaType) {
			r.blob(&as, at, child)
			continue
		}
		inner, err := r.client.Manifest(ctx, r.Digest.Context().Digest(child.Digest.String()))
		if err != nil {
			return err
		}
		if err := r.tree(ctx, inner, item{evidence: as.evidence}, depth+1); err != nil {
			return err
		}
	}
	if d.Config != nil {
		r.blob(&as, at, *d.Config)
	}
	for _, layer := range append(d.Layers, d.Blobs...) {
		r.blob(&as, at, layer)
	}
	if as.tag != "" {
		as.entries = entriesOf(d)
	}
	if d.Subject != nil {
		as.subject = d.Subject.Digest
	}
	as.Manifest = m
	r.items = append(r.items, as)
	return nil
}

func isManifest(t types.MediaType) bool {
	return t.IsIndex() || t.IsImage() || t == artifactManifest
}

// blob notes a blob. Layers that may not be distributed stay where their URLs say.
func (r *reader) blob(of *item, at name.Digest, d v1.Descriptor) {
	if !d.MediaType.IsDistributable() {
		r.Notes = append(r.Notes, fmt.Sprintf("the layer %s of %s may not be distributed and stays where its manifest says", d.Digest, at))
		return
	}
	of.blobs = append(of.blobs, d.Digest)
	if known, ok := r.blobs[d.Digest]; !ok || known.Size == 0 {
		r.blobs[d.Digest] = d
	}
}

// beside takes what refers to a manifest and what lies under its tags.
func (r *reader) beside(ctx context.Context, of item) error {
	subject := r.Digest.Context().Digest(of.Digest.String())
	var listed []v1.Descriptor
	tagged := make([]*registry.Manifest, len(suffixes))
	group, inner := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		listed, err = r.client.Referrers(inner, subject)
		return err
	})
	for i, suffix := range suffixes {
		group.Go(func() error {
			m, err := r.client.Manifest(inner, subject.Context().Tag(tagOf(of.Digest)+suffix))
			if err == nil {
				tagged[i] = &m
			} else if !registry.IsNotFound(err) {
				return err
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, m := range tagged {
		if m == nil {
			continue
		}
		if of.evidence >= depthLimit {
			return tooLarge(r.Digest)
		}
		if err := r.tree(ctx, *m, item{tag: tagOf(of.Digest) + suffixes[i], evidence: of.evidence + 1}, 0); err != nil {
			return err
		}
	}
	for _, d := range listed {
		if err := r.referrer(ctx, of, d.Digest); err != nil {
			return err
		}
	}
	return nil
}

// tagOf is a digest as the tags of cosign and of the fallback list spell it.
func tagOf(digest v1.Hash) string { return strings.Replace(digest.String(), ":", "-", 1) }

// referrer takes one entry of a list of referrers, by its own manifest: the list's
// word for it counts for nothing.
func (r *reader) referrer(ctx context.Context, of item, digest v1.Hash) error {
	if r.seen[digest] {
		return nil
	}
	at := r.Digest.Context().Digest(digest.String())
	m, err := r.client.Manifest(ctx, at)
	if registry.IsNotFound(err) {
		r.Notes = append(r.Notes, fmt.Sprintf("the list of what refers to %s names %s, but the registry does not have it; not copied", of.Digest, digest))
		return nil
	}
	if err != nil {
		return err
	}
	var d document
	if err := json.Unmarshal(m.Bytes, &d); err != nil {
		return unreadable(at, err)
	}
	if d.Subject == nil || d.Subject.Digest != of.Digest {
		r.Notes = append(r.Notes, fmt.Sprintf("the list of what refers to %s names %s, which does not; not copied", of.Digest, digest))
		return nil
	}
	if of.evidence >= depthLimit {
		return tooLarge(r.Digest)
	}
	return r.tree(ctx, m, item{evidence: of.evidence + 1}, 0)
}

func tooLarge(digest name.Digest) error {
	return &registry.Error{
		Kind: registry.TooLarge, Doing: "reading what lies beside", Target: digest.String(),
		Detail: fmt.Sprintf("there are more than %d manifests, %d MiB of them, or they lie more than %d deep in each other; delete those that are not needed", manifestLimit, bytesLimit>>20, depthLimit),
	}
}

func unreadable(at name.Digest, err error) error {
	return &registry.Error{Doing: "reading the manifest of", Target: at.String(), Detail: "it cannot be read as a manifest; delete it or push it anew", Err: err}
}
