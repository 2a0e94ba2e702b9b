// Package sign says what signing and verifying an image ask for and give.
package sign

import (
	"context"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// KeyOptions name a key.
type KeyOptions struct {
	// Reference is a file or "env://NAME".
	Reference string
	// Password decrypts a private key; it is never shown.
	Password []byte
}

// Signature is what signing left in the registry.
type Signature struct {
	Referrer string // repository@digest of the manifest that holds it
	Key      string // fingerprint of the public key, "sha256:…"
	// Existed is true when this key had signed this digest before and nothing was written.
	Existed bool
}

// Signer signs digests with the key it was made with.
type Signer interface {
	// Sign signs the digest and stores the signature beside it. annotations become
	// part of what is signed.
	Sign(ctx context.Context, digest name.Digest, annotations map[string]string) (Signature, error)
	// Verifier checks against the public half of the key.
	Verifier() Verifier
}

// Verifier checks what lies beside a digest against the key it was made with.
type Verifier interface {
	// Verify returns every candidate that was found, the rejected ones with the
	// reason. An error means that some evidence could not be read (indeterminate),
	// and comes with what could be; missing or bad evidence is no error.
	Verify(ctx context.Context, digest name.Digest) ([]verdict.Evidence, error)
}
