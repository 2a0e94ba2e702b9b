package sigstore

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	ctypes "github.com/sigstore/cosign/v2/pkg/types"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/plimsoll-ci/plimsoll/internal/registry"
	"github.com/plimsoll-ci/plimsoll/internal/sign"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// layersLimit is how many signatures one manifest may hold.
const layersLimit = 1000

// NewVerifier opens a public key in PEM. KeyOptions.Password is not used.
func NewVerifier(key sign.KeyOptions, o Options) (sign.Verifier, error) {
	public, err := publicKey(key, o.Getenv)
	if err != nil {
		return nil, err
	}
	return newVerifier(public, o.Registry)
}

func newVerifier(public crypto.PublicKey, client *registry.Client) (*verifier, error) {
	// The hash follows from the key, as it does when signing.
	key, err := signature.LoadDefaultVerifier(public)
	if err != nil {
		return nil, fmt.Errorf("opening the verification key: %w", err)
	}
	text, sum, err := fingerprint(public)
	if err != nil {
		return nil, err
	}
	return &verifier{key: key, fingerprint: text, sum: sum[:], registry: client}, nil
}

type verifier struct {
	key         signature.Verifier
	fingerprint string
	sum         []byte
	registry    *registry.Client
}

// candidate is evidence and what else a signer wants to know of it.
type candidate struct {
	verdict.Evidence
	annotations map[string]string
}

// Verify implements sign.Verifier. It reads bundles among the referrers and older
// signatures under the ".sig" tag, each whatever the other gave; with an error it
// returns what it did read.
func (v *verifier) Verify(ctx context.Context, digest name.Digest) ([]verdict.Evidence, error) {
	subject, err := parseDigest(digest)
	if err != nil {
		return nil, err
	}
	bundles, bundlesErr := v.bundles(ctx, digest, subject)
	tagged, taggedErr := v.tagged(ctx, digest, subject)
	var evidence []verdict.Evidence
	for _, c := range slices.Concat(bundles, tagged) {
		evidence = append(evidence, c.Evidence)
	}
	return evidence, errors.Join(bundlesErr, taggedErr)
}

// bundles judges every referrer of the digest that holds a signature of one of
// the kinds that cosign writes.
func (v *verifier) bundles(ctx context.Context, digest name.Digest, subject v1.Hash) ([]candidate, error) {
	list, err := v.registry.Referrers(ctx, digest)
	if err != nil {
		return nil, err
	}
	var all []candidate
	var errs []error
	for _, d := range list {
		found, err := v.referrer(ctx, digest.Context(), d.Digest, subject)
		all, errs = append(all, found...), append(errs, err)
	}
	return all, errors.Join(errs...)
}

// referrer judges one referrer by its own manifest; the list's word for it counts
// for nothing.
func (v *verifier) referrer(ctx context.Context, repo name.Repository, digest, subject v1.Hash) ([]candidate, error) {
	m, err := v.registry.Manifest(ctx, repo.Digest(digest.String()))
	switch {
	case registry.IsNotFound(err):
		return []candidate{reject(sign.KindUnknown, digest, "the list of referrers names it, but the registry does not have it")}, nil
	case err != nil:
		return nil, err
	}
	manifest, err := v1.ParseManifest(bytes.NewReader(m.Bytes))
	if err != nil {
		return []candidate{reject(sign.KindUnknown, digest, "its manifest cannot be read: "+line(err.Error()))}, nil
	}
	if !isBundle(manifest.ArtifactType) && !slices.ContainsFunc(manifest.Layers, func(d v1.Descriptor) bool {
		return isBundle(string(d.MediaType)) || d.MediaType == ctypes.SimpleSigningMediaType
	}) {
		return nil, nil // an inventory or something else that is nobody's signature
	}
	if manifest.Subject == nil || manifest.Subject.Digest != subject {
		return []candidate{reject(sign.KindUnknown, digest, "its manifest refers to another digest")}, nil
	}
	return v.layers(ctx, repo, digest, manifest.Layers, subject)
}

func isBundle(mediaType string) bool {
	return strings.HasPrefix(mediaType, "application/vnd.dev.sigstore.bundle")
}

// tagged judges the signatures under the tag "sha256-….sig", where cosign kept
// them before bundles.
func (v *verifier) tagged(ctx context.Context, digest name.Digest, subject v1.Hash) ([]candidate, error) {
	m, err := v.registry.Manifest(ctx, digest.Context().Tag(subject.Algorithm+"-"+subject.Hex+".sig"))
	switch {
	case registry.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	manifest, err := v1.ParseManifest(bytes.NewReader(m.Bytes))
	if err != nil {
		return []candidate{reject(sign.KindSignature, m.Digest, "its manifest cannot be read: "+line(err.Error()))}, nil
	}
	return v.layers(ctx, digest.Context(), m.Digest, manifest.Layers, subject)
}

// layers judges the layers of one manifest that are signatures.
func (v *verifier) layers(ctx context.Context, repo name.Repository, holder v1.Hash, layers []v1.Descriptor, subject v1.Hash) ([]candidate, error) {
	if len(layers) > layersLimit {
		return []candidate{reject(sign.KindUnknown, holder, fmt.Sprintf("its manifest has more than %d layers", layersLimit))}, nil
	}
	var all []candidate
	var errs []error
	for _, d := range layers {
		old := d.MediaType == ctypes.SimpleSigningMediaType
		if !old && !isBundle(string(d.MediaType)) {
			continue
		}
		raw, err := v.registry.Blob(ctx, repo, d, registry.BlobLimit)
		var failed *registry.Error
		switch {
		case errors.As(err, &failed) && (failed.Kind == registry.NotFound || failed.Kind == registry.TooLarge):
			all = append(all, reject(sign.KindUnknown, holder, line(failed.Error())))
			continue
		case err != nil:
			errs = append(errs, err)
			continue
		}
		var c candidate
		if old {
			c = v.simple(ctx, raw, d.Annotations[signatureAnnotation], subject)
		} else {
			c = v.bundle(ctx, raw, subject)
		}
		c.Referrer = holder.String()
		all = append(all, c)
	}
	if len(all) == 0 && len(errs) == 0 {
		return []candidate{reject(sign.KindUnknown, holder, "its manifest holds no signature")}, nil
	}
	return all, errors.Join(errs...)
}

func reject(kind string, holder v1.Hash, reason string) candidate {
	return candidate{Evidence: verdict.Evidence{Kind: kind, Referrer: holder.String(), Rejected: reason}}
}
