package sigstore

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/sigstore/pkg/cryptoutils"

	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
	"github.com/plimsoll-ci/plimsoll/internal/sign"
)

// algorithm is a kind of key. It signs when cosign v2.6.5 verifies what it signed,
// and verifies when we verify what cosign signs with it.
type algorithm struct {
	name            string
	make            func() (crypto.Signer, error)
	signs, verifies bool
}

var algorithms = []algorithm{
	{"P-256", curve(elliptic.P256()), true, true},
	{"P-384", curve(elliptic.P384()), false, true},
	{"P-521", curve(elliptic.P521()), false, true},
	{"RSA-2048", bits(2048), true, true},
	{"RSA-3072", bits(3072), true, true},
	{"RSA-4096", bits(4096), true, true},
	{"Ed25519", func() (crypto.Signer, error) { _, k, err := ed25519.GenerateKey(rand.Reader); return k, err }, false, false},
}

func curve(c elliptic.Curve) func() (crypto.Signer, error) {
	return func() (crypto.Signer, error) { return ecdsa.GenerateKey(c, rand.Reader) }
}

func bits(n int) func() (crypto.Signer, error) {
	return func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, n) }
}

func (a algorithm) keys(t *testing.T) keys {
	t.Helper()
	key, err := a.make()
	if err != nil {
		t.Fatal(err)
	}
	private, public := encryptKey(t, key)
	return writeKeys(t, private, public)
}

// encryptKey writes a key in cosign's form.
func encryptKey(t testing.TB, key crypto.Signer) (private, public []byte) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := encrypted.Encrypt(der, []byte(password))
	if err != nil {
		t.Fatal(err)
	}
	if public, err = cryptoutils.MarshalPublicKeyToPEM(key.Public()); err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: cosign.SigstorePrivateKeyPemType, Bytes: sealed}), public
}

// TestAlgorithms holds which keys sign and verify here; TestCosignAlgorithms says why.
func TestAlgorithms(t *testing.T) {
	for _, a := range algorithms {
		t.Run(a.name, func(t *testing.T) {
			k := a.keys(t)
			p := newPort(t, registrytest.Options{})
			s, err := NewSigner(sign.KeyOptions{Reference: k.private, Password: []byte(password)}, p.options())
			if (err == nil) != a.signs {
				t.Fatalf("signing key taken is %t (%v), want %t", err == nil, err, a.signs)
			}
			_, err = NewVerifier(sign.KeyOptions{Reference: k.public}, p.options())
			if (err == nil) != a.verifies {
				t.Fatalf("verification key taken is %t (%v), want %t", err == nil, err, a.verifies)
			}
			if err != nil && !strings.Contains(err.Error(), "use ECDSA P-256") {
				t.Errorf("message %q does not say what to do", err)
			}
			if !a.signs {
				return
			}
			if _, err := s.Sign(t.Context(), p.digest, nil); err != nil {
				t.Fatal(err)
			}
			if ok, reason := sign.Decide(p.verify(t, k)); !ok {
				t.Error(reason)
			}
		})
	}
}

func TestCosignAlgorithms(t *testing.T) {
	cosign := newCosignCLI(t)
	for _, a := range algorithms {
		t.Run(a.name, func(t *testing.T) {
			k := a.keys(t)
			p := newPort(t, registrytest.Options{})
			if a.signs {
				p.sign(t, k)
			} else {
				cosign.sign(t, k, p, true)
			}
			if _, err := cosign.verify(t, k, p); (err == nil) != a.signs {
				t.Errorf("cosign verifies it is %t, want %t; the table and signable should follow", err == nil, a.signs)
			}
			if !a.verifies {
				return
			}
			for _, bundle := range []bool{true, false} {
				p := newPort(t, registrytest.Options{})
				cosign.sign(t, k, p, bundle)
				if ok, reason := sign.Decide(p.verify(t, k)); !ok {
					t.Errorf("bundle %t: %s", bundle, reason)
				}
			}
		})
	}
}
