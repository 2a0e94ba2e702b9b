package sigstore

import (
	"context"
	"encoding/json"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	ctypes "github.com/sigstore/cosign/v2/pkg/types"
	"github.com/sigstore/sigstore/pkg/signature/payload"

	"github.com/plimsoll-ci/plimsoll/internal/sign"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// signatureAnnotation holds the signature of a layer in base64.
const signatureAnnotation = "dev.cosignproject.cosign/signature"

// simple judges one older signature: a "simple signing" payload and the signature
// over it. Certificates and log entries that lie beside it take no part, since
// only the key counts. It never panics.
func (v *verifier) simple(ctx context.Context, raw []byte, signed string, subject v1.Hash) (c candidate) {
	c.Evidence = verdict.Evidence{Kind: sign.KindSignature, PredicateType: ctypes.SimpleSigningMediaType, Subject: subject.String()}
	defer func() {
		if p := recover(); p != nil {
			c.Verified, c.Rejected = false, "reading it made the parser panic: "+line(fmt.Sprint(p))
		}
	}()
	var claimed payload.SimpleContainerImage
	if err := json.Unmarshal(raw, &claimed); err != nil {
		c.Rejected = "its payload cannot be read: " + line(err.Error())
		return c
	}
	if claimed.Critical.Type != payload.CosignSignatureType {
		c.Rejected = fmt.Sprintf("its payload is of the kind %q, not a container image signature", line(claimed.Critical.Type))
		return c
	}
	if claimed.Critical.Image.DockerManifestDigest != subject.String() {
		c.Subject = line(claimed.Critical.Image.DockerManifestDigest)
		c.Rejected = "it speaks of another digest"
		return c
	}
	s, err := static.NewSignature(raw, signed)
	if err == nil {
		_, err = cosign.VerifyImageSignature(ctx, s, subject, &cosign.CheckOpts{
			SigVerifier:   v.key,
			ClaimVerifier: cosign.SimpleClaimVerifier,
			IgnoreTlog:    true,
			IgnoreSCT:     true,
			Offline:       true,
		})
	}
	if err != nil {
		c.Rejected = fmt.Sprintf("its signature does not verify with the key %s: %s", v.fingerprint, line(err.Error()))
		return c
	}
	c.Signer, c.Verified = v.fingerprint, true
	return c
}
