package sigstore

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	ctypes "github.com/sigstore/cosign/v2/pkg/types"
	sgsign "github.com/sigstore/sigstore-go/pkg/sign"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/plimsoll-ci/plimsoll/internal/registry"
	"github.com/plimsoll-ci/plimsoll/internal/sign"
)

// NewSigner opens an encrypted cosign key. Its errors name what is wrong with the
// key and never hold anything of it.
func NewSigner(key sign.KeyOptions, o Options) (sign.Signer, error) {
	opened, err := privateKey(key, o.Getenv)
	if err != nil {
		return nil, err
	}
	pair, err := newKeypair(opened)
	if err != nil {
		return nil, err
	}
	check, err := newVerifier(pair.public, o.Registry)
	if err != nil {
		return nil, err
	}
	return &signer{pair: pair, check: check, registry: o.Registry, now: o.Now}, nil
}

type signer struct {
	pair     *keypair
	check    *verifier
	registry *registry.Client
	now      func() time.Time
}

// Verifier implements sign.Signer.
func (s *signer) Verifier() sign.Verifier { return s.check }

// Sign implements sign.Signer. What it writes has been verified with the public
// half of the key. A signature by the same key with the same annotations is not
// repeated.
func (s *signer) Sign(ctx context.Context, digest name.Digest, annotations map[string]string) (sign.Signature, error) {
	subject, err := parseDigest(digest)
	if err != nil {
		return sign.Signature{}, err
	}
	signed := sign.Signature{Key: s.pair.fingerprint}
	candidates, err := s.check.bundles(ctx, digest, subject)
	for _, c := range candidates {
		if c.Kind == sign.KindSignature && c.Verified && maps.Equal(c.annotations, annotations) {
			signed.Referrer, signed.Existed = digest.Context().Digest(c.Referrer).String(), true
			return signed, nil
		}
	}
	if err != nil {
		return sign.Signature{}, fmt.Errorf("looking for an earlier signature: %w", err)
	}
	raw, err := s.bundle(ctx, subject, annotations)
	if err != nil {
		return sign.Signature{}, fmt.Errorf("signing %s: %w", digest, err)
	}
	ref, err := s.registry.Refer(ctx, digest, registry.Artifact{
		Type:      bundleType,
		MediaType: bundleType,
		Data:      raw,
		Annotations: map[string]string{ // cosign's and gh's listing show these
			"org.opencontainers.image.created":  s.now().UTC().Format(time.RFC3339),
			"dev.sigstore.bundle.content":       "dsse-envelope",
			"dev.sigstore.bundle.predicateType": ctypes.CosignSignPredicateType,
		},
	})
	if err != nil {
		return sign.Signature{}, err
	}
	signed.Referrer = ref.String()
	return signed, nil
}

// bundle signs cosign's statement about a digest. Annotations stand on its
// subject, where cosign v3 puts them; cosign v2 loses them.
func (s *signer) bundle(ctx context.Context, subject v1.Hash, annotations map[string]string) ([]byte, error) {
	about := &intoto.ResourceDescriptor{Digest: map[string]string{subject.Algorithm: subject.Hex}}
	if len(annotations) > 0 {
		fields := make(map[string]*structpb.Value, len(annotations))
		for key, value := range annotations {
			fields[key] = structpb.NewStringValue(value)
		}
		about.Annotations = &structpb.Struct{Fields: fields}
	}
	return s.attest(ctx, subject, &intoto.Statement{
		Type:          intoto.StatementTypeUri,
		Subject:       []*intoto.ResourceDescriptor{about},
		PredicateType: ctypes.CosignSignPredicateType,
		Predicate:     &structpb.Struct{},
	})
}

// attest signs a statement and verifies what came out.
func (s *signer) attest(ctx context.Context, subject v1.Hash, statement *intoto.Statement) ([]byte, error) {
	payload, err := protojson.Marshal(statement)
	if err != nil {
		return nil, fmt.Errorf("writing the statement: %w", err)
	}
	content := &sgsign.DSSEData{Data: payload, PayloadType: statementType}
	bundle, err := sgsign.Bundle(content, s.pair, sgsign.BundleOptions{Context: ctx})
	if err != nil {
		return nil, err
	}
	raw, err := protojson.Marshal(bundle)
	if err != nil {
		return nil, fmt.Errorf("writing the bundle: %w", err)
	}
	if made := s.check.bundle(ctx, raw, subject); !made.Verified {
		return nil, fmt.Errorf("the new signature does not verify: %s", made.Rejected)
	}
	return raw, nil
}
