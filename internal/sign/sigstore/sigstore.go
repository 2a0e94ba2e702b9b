// Package sigstore signs and verifies with cosign's keys, in the forms that
// cosign stores: it writes Sigstore bundles of version 0.3 as OCI referrers, and
// reads them and the older signatures under ".sig" tags.
//
// It uses cosign v2 and sigstore-go as libraries and only those parts of them
// that neither prompt, nor print, nor read the environment, nor speak to anything
// but the registry that it was given. What is read from a registry is hostile
// until it has verified: every parser of other people's making runs behind a
// recover, and what cannot be read is rejected evidence with its reason.
package sigstore

import (
	"fmt"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-ci/plimsoll/internal/printable"
	"github.com/plimsoll-ci/plimsoll/internal/registry"
)

// Options of signers and verifiers.
type Options struct {
	Registry *registry.Client
	// Getenv looks up "env://NAME" keys.
	Getenv func(string) string
	// Now dates what is written.
	Now func() time.Time
}

// bundleType is the media type of a Sigstore bundle of version 0.3, and the
// artifact type of the manifest that holds it.
const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json"

// statementType is the payload type of a DSSE envelope that holds an in-toto statement.
const statementType = "application/vnd.in-toto+json"

func parseDigest(digest name.Digest) (v1.Hash, error) {
	h, err := v1.NewHash(digest.DigestStr())
	if err != nil {
		return v1.Hash{}, fmt.Errorf("reading the digest of %s: %w", digest, err)
	}
	if h.Algorithm != "sha256" {
		return v1.Hash{}, fmt.Errorf("%s has a digest of the kind %q; only sha256 can be signed and verified", digest, h.Algorithm)
	}
	return h, nil
}

// line makes foreign text fit into a message.
func line(text string) string { return printable.Fold(text, 300) }
