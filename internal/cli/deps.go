package cli

import (
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/registry"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
	"github.com/plimsoll-ci/plimsoll/internal/sign"
)

// Deps are the adapters, wired by the root. The zero value is the lite program.
type Deps struct {
	// Version of plimsoll.
	Version string
	// Builder makes the embedded builder; keychain answers for base images.
	Builder func(keychain authn.Keychain) build.Builder
	// Analyzer looks into images.
	Analyzer func() scan.Analyzer
	// Databases fetches vulnerability data.
	Databases func(transport http.RoundTripper, keychain authn.Keychain) scan.Databases
	// Signer loads a private key.
	Signer func(key sign.KeyOptions, getenv config.Getenv, client *registry.Client) (sign.Signer, error)
	// Verifier loads a public key.
	Verifier func(key sign.KeyOptions, getenv config.Getenv, client *registry.Client) (sign.Verifier, error)
}

// full says whether the adapters are there.
func (d Deps) full() bool { return d.Builder != nil }
