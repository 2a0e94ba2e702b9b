package sigstore

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"fmt"

	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	sgsign "github.com/sigstore/sigstore-go/pkg/sign"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/options"
)

// keypair lets sigstore-go sign with cosign's key. cosign has the same adapter in
// an internal package.
type keypair struct {
	signer      signature.SignerVerifier
	public      crypto.PublicKey
	fingerprint string
	hint        []byte
	algorithm   signature.AlgorithmDetails
}

var _ sgsign.Keypair = (*keypair)(nil)

func newKeypair(signer signature.SignerVerifier) (*keypair, error) {
	public, err := signer.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("reading the public half of the signing key: %w", err)
	}
	algorithm, err := signature.GetDefaultAlgorithmDetails(public)
	if err != nil {
		return nil, fmt.Errorf("choosing the algorithm of the signing key: %w", err)
	}
	text, sum, err := fingerprint(public)
	if err != nil {
		return nil, err
	}
	hint := base64.StdEncoding.AppendEncode(nil, sum[:])
	return &keypair{signer: signer, public: public, fingerprint: text, hint: hint, algorithm: algorithm}, nil
}

func (k *keypair) GetHashAlgorithm() protocommon.HashAlgorithm { return k.algorithm.GetProtoHashType() }

func (k *keypair) GetSigningAlgorithm() protocommon.PublicKeyDetails {
	return k.algorithm.GetSignatureAlgorithm()
}

func (k *keypair) GetHint() []byte { return k.hint }

func (k *keypair) GetKeyAlgorithm() string {
	switch k.public.(type) {
	case *ecdsa.PublicKey:
		return "ECDSA"
	case *rsa.PublicKey:
		return "RSA"
	}
	return ""
}

func (k *keypair) GetPublicKey() crypto.PublicKey { return k.public }

func (k *keypair) GetPublicKeyPem() (string, error) {
	raw, err := cryptoutils.MarshalPublicKeyToPEM(k.public)
	return string(raw), err
}

func (k *keypair) SignData(ctx context.Context, data []byte) (signed, digest []byte, err error) {
	hash := k.algorithm.GetHashType().New()
	hash.Write(data)
	digest = hash.Sum(nil)
	signed, err = k.signer.SignMessage(bytes.NewReader(data), options.WithContext(ctx), options.WithDigest(digest))
	return signed, digest, err
}
