package sigstore

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/plimsoll-ci/plimsoll/internal/sign"
)

// GenerateKey makes a P-256 key pair in cosign's form: the private key encrypted
// with the password, both as PEM.
func GenerateKey(password []byte) (private, public []byte, err error) {
	keys, err := cosign.GenerateKeyPair(func(bool) ([]byte, error) { return password, nil })
	if err != nil {
		return nil, nil, fmt.Errorf("generating a key pair: %w", err)
	}
	return keys.PrivateBytes, keys.PublicBytes, nil
}

// keyLimit bounds a key file in bytes; an encrypted RSA-4096 key has 4 KiB.
const keyLimit = 64 << 10

var environmentName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// readKey reads what a reference names. role is "signing key" or "verification key".
// A reference is told in errors only when it cannot be a key that somebody put in
// the place of its name.
func readKey(role, reference string, getenv func(string) string) ([]byte, error) {
	switch scheme, rest, ok := strings.Cut(reference, "://"); {
	case reference == "":
		return nil, fmt.Errorf("there is no %s; name a file or env://NAME", role)
	case len(reference) > 1024 || strings.Contains(reference, "-----BEGIN") || strings.ContainsAny(reference, "\r\n\x00"):
		return nil, fmt.Errorf("the %s holds a key's content instead of its name; put the content into an environment variable and write env://NAME", role)
	case !ok:
		return readKeyFile(role, reference)
	case scheme == "env" && !environmentName.MatchString(rest):
		return nil, fmt.Errorf("the %s is not of the form env://NAME; write the name of an environment variable after env://", role)
	case scheme == "env":
		value := getenv(rest)
		if value == "" {
			return nil, fmt.Errorf("the %s env://%s is empty; set the environment variable %s", role, rest, rest)
		}
		return []byte(value), nil
	case scheme == "awskms" || scheme == "gcpkms" || scheme == "azurekms" || scheme == "hashivault":
		return nil, fmt.Errorf("the %s is of the kind %s://, and keys in a KMS are not supported yet; use a file or env://NAME", role, scheme)
	default:
		// The library would run a program named after an unknown scheme.
		return nil, fmt.Errorf("the %s is of a kind that is not known; use a file or env://NAME", role)
	}
}

func readKeyFile(role, path string) ([]byte, error) {
	// The path is said once, and not at all where it may be a key.
	unreadable := func(err error) error {
		if at, ok := errors.AsType[*fs.PathError](err); ok {
			err = at.Err
		}
		if len(path) > 255 {
			return fmt.Errorf("reading the %s: %w; name a file or env://NAME", role, err)
		}
		return fmt.Errorf("reading the %s %q: %w; name a file or env://NAME", role, path, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable(err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, keyLimit+1))
	if err != nil {
		return nil, unreadable(err)
	}
	if len(raw) > keyLimit {
		return nil, fmt.Errorf("the %s %q is larger than %d bytes; it is no key", role, path, keyLimit)
	}
	return raw, nil
}

// privateKey opens the signing key. Errors never hold anything of the key or what
// decrypting it said.
func privateKey(key sign.KeyOptions, getenv func(string) string) (signature.SignerVerifier, error) {
	raw, err := readKey("signing key", key.Reference, getenv)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, errors.New("the signing key is not PEM; make one with `cosign generate-key-pair`")
	}
	switch block.Type {
	case cosign.CosignPrivateKeyPemType, cosign.SigstorePrivateKeyPemType:
	case "PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY":
		return nil, errors.New("the signing key is not encrypted; encrypt it with `cosign import-key-pair --key FILE`")
	case "PUBLIC KEY":
		return nil, errors.New("the signing key is a public key; name the private half, cosign.key")
	default:
		return nil, errors.New("the signing key is not in cosign's form; make one with `cosign generate-key-pair`, or convert it with `cosign import-key-pair --key FILE`")
	}
	opened, err := cosign.LoadPrivateKey(raw, key.Password, nil)
	if err != nil {
		if len(key.Password) == 0 {
			return nil, errors.New("the signing key cannot be decrypted without a password; set COSIGN_PASSWORD")
		}
		return nil, errors.New("the signing key cannot be decrypted with this password; check COSIGN_PASSWORD, and that the key is whole")
	}
	public, err := opened.PublicKey()
	if err != nil {
		return nil, errors.New("the signing key has no public half; make one with `cosign generate-key-pair`")
	}
	return opened, signable(public)
}

// publicKey opens the verification key.
func publicKey(key sign.KeyOptions, getenv func(string) string) (crypto.PublicKey, error) {
	raw, err := readKey("verification key", key.Reference, getenv)
	if err != nil {
		return nil, err
	}
	if block, _ := pem.Decode(raw); block != nil && strings.Contains(block.Type, "PRIVATE KEY") {
		return nil, errors.New("the verification key is a private key; name the public half, cosign.pub")
	}
	public, err := cryptoutils.UnmarshalPEMToPublicKey(raw)
	if err != nil {
		return nil, errors.New("the verification key is not a public key in PEM; name the file cosign.pub or env://NAME")
	}
	return public, verifiable(public)
}

// signable refuses keys whose signatures cosign v2.6.5 does not verify:
// TestCosignAlgorithms holds the table. cosign signs with the hash that belongs to
// the curve but verifies with SHA-256, and it signs Ed25519 prehashed but verifies
// it plain.
func signable(public crypto.PublicKey) error {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() {
			return nil
		}
	case *rsa.PublicKey:
		return verifiable(public)
	}
	return fmt.Errorf("the signing key is of the kind %s, whose signatures cosign cannot verify; %s", kindOfKey(public), useInstead)
}

// verifiable refuses keys that have no one algorithm.
func verifiable(public crypto.PublicKey) error {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() || key.Curve == elliptic.P384() || key.Curve == elliptic.P521() {
			return nil
		}
	case *rsa.PublicKey:
		switch key.N.BitLen() {
		case 2048, 3072, 4096:
			return nil
		}
	}
	return fmt.Errorf("keys of the kind %s are not supported; %s", kindOfKey(public), useInstead)
}

const useInstead = "use ECDSA P-256 (`cosign generate-key-pair`) or RSA with 2048, 3072 or 4096 bits"

func kindOfKey(public crypto.PublicKey) string {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		return "ECDSA " + key.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA-%d", key.N.BitLen())
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return fmt.Sprintf("%T", public)
}

// fingerprint names a public key: SHA-256 over its PKIX form, "sha256:…".
func fingerprint(public crypto.PublicKey) (string, [sha256.Size]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", [sha256.Size]byte{}, fmt.Errorf("encoding the public key: %w", err)
	}
	sum := sha256.Sum256(der)
	return "sha256:" + hex.EncodeToString(sum[:]), sum, nil
}
