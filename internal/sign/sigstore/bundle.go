package sigstore

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"github.com/sigstore/cosign/v2/pkg/cosign"
	ctypes "github.com/sigstore/cosign/v2/pkg/types"
	sgbundle "github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	sgverify "github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/plimsoll-ci/plimsoll/internal/sign"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// bundle judges the bytes of one Sigstore bundle. It never panics: the bytes are
// hostile and the parsers not ours.
func (v *verifier) bundle(ctx context.Context, raw []byte, subject v1.Hash) (c candidate) {
	c.Evidence = verdict.Evidence{Kind: sign.KindUnknown, Subject: subject.String()}
	defer func() {
		if p := recover(); p != nil {
			c.Verified, c.Rejected = false, "reading it made the parser panic: "+line(fmt.Sprint(p))
		}
	}()
	b := new(sgbundle.Bundle)
	if err := b.UnmarshalJSON(raw); err != nil {
		c.Rejected = "the bundle cannot be read: " + line(err.Error())
		return c
	}
	claimed, reason := v.claims(b)
	if claimed != nil {
		c.PredicateType = line(claimed.GetPredicateType())
		c.Kind = kindOf(c.PredicateType)
	}
	if reason == "" && !names(claimed, subject) {
		c.Subject = subjects(claimed)
		reason = "it speaks of another digest"
	}
	if reason != "" {
		c.Rejected = reason
		return c
	}
	// Only what was verified counts from here on.
	statement, err := v.verifyBundle(ctx, b, subject)
	if err != nil {
		c.Rejected = v.blame(b, err)
		return c
	}
	if !names(statement, subject) {
		c.Rejected = "it speaks of another digest"
		return c
	}
	c.PredicateType = statement.GetPredicateType()
	c.Kind = kindOf(c.PredicateType)
	c.Signer, c.Verified = v.fingerprint, true
	c.annotations = annotationsOf(statement, subject)
	return c
}

// claims reads what a bundle says of itself, for the reasons of rejections. A
// reason means that it is of no use whatever its signature.
func (v *verifier) claims(b *sgbundle.Bundle) (*intoto.Statement, string) {
	if !b.MinVersion("v0.3") {
		return nil, "the bundle is older than version 0.3"
	}
	envelope, err := b.Envelope()
	if err != nil {
		return nil, "the bundle signs plain bytes, not a statement about an image"
	}
	statement, err := envelope.Statement()
	if err != nil {
		return nil, "its statement cannot be read: " + line(err.Error())
	}
	content, err := b.VerificationContent()
	if err != nil {
		return statement, "its verification material cannot be read: " + line(err.Error())
	}
	if content.Certificate() != nil {
		return statement, "it is signed with a certificate, not with a key; verifying certificates is not supported yet"
	}
	return statement, ""
}

func (v *verifier) verifyBundle(ctx context.Context, b *sgbundle.Bundle, subject v1.Hash) (*intoto.Statement, error) {
	digest, err := hex.DecodeString(subject.Hex)
	if err != nil {
		return nil, err
	}
	// Without trusted material cosign refuses keys too. No log or timestamp is asked
	// for: a key that somebody keeps needs no witness of when it signed.
	result, err := cosign.VerifyNewBundle(ctx, &cosign.CheckOpts{
		SigVerifier:     v.key,
		TrustedMaterial: &root.BaseTrustedMaterial{},
		NewBundleFormat: true,
		IgnoreTlog:      true,
	}, sgverify.WithArtifactDigest(subject.Algorithm, digest), b)
	if err != nil {
		return nil, err
	}
	if result.Statement == nil {
		return nil, errors.New("it holds no statement")
	}
	return result.Statement, nil
}

// blame says why verifying failed. The hint in a bundle tells the key it claims,
// which is no more than a claim.
func (v *verifier) blame(b *sgbundle.Bundle, err error) string {
	content, contentErr := b.VerificationContent()
	if contentErr == nil && content.PublicKey() != nil {
		sum, hintErr := base64.StdEncoding.DecodeString(content.PublicKey().Hint())
		if hintErr == nil && len(sum) == len(v.sum) && hex.EncodeToString(sum) != hex.EncodeToString(v.sum) {
			return fmt.Sprintf("it is signed with another key (it says sha256:%x), not with %s", sum, v.fingerprint)
		}
	}
	return fmt.Sprintf("its signature does not verify with the key %s: %s", v.fingerprint, line(err.Error()))
}

func kindOf(predicateType string) string {
	switch predicateType {
	case ctypes.CosignSignPredicateType:
		return sign.KindSignature
	case "":
		return sign.KindUnknown
	}
	return sign.KindAttestation
}

// names says that one of the statement's subjects is the digest, by sha256.
func names(statement *intoto.Statement, subject v1.Hash) bool {
	return about(statement, subject) != nil
}

func about(statement *intoto.Statement, subject v1.Hash) *intoto.ResourceDescriptor {
	for _, s := range statement.GetSubject() {
		if s.GetDigest()[subject.Algorithm] == subject.Hex {
			return s
		}
	}
	return nil
}

// subjects tells what a statement speaks of.
func subjects(statement *intoto.Statement) string {
	for _, s := range statement.GetSubject() {
		if hex := s.GetDigest()["sha256"]; hex != "" {
			return line("sha256:" + hex)
		}
	}
	return ""
}

func annotationsOf(statement *intoto.Statement, subject v1.Hash) map[string]string {
	annotations := make(map[string]string)
	for key, value := range about(statement, subject).GetAnnotations().AsMap() {
		annotations[key] = fmt.Sprint(value)
	}
	return annotations
}
