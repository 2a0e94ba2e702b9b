package cli

import (
	"context"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/cache"
	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/all"
	"github.com/plimsoll-ci/plimsoll/internal/registry"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
	"github.com/plimsoll-ci/plimsoll/internal/sign"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

// Deps are the adapters, wired by the root. The zero value is the lite program.
type Deps struct {
	// Version of plimsoll.
	Version string
	// Builder puts the ways to a builder in order; nil in the slim program.
	Builder func(build.Options) build.Builder
	// Serve is our builder in a sibling container, on its standard input and output.
	Serve func(ctx context.Context, in, out *os.File) error
	// Analyzer looks into images.
	Analyzer func() scan.Analyzer
	// Databases fetches vulnerability data.
	Databases func(transport http.RoundTripper, keychain authn.Keychain) scan.Databases
	// Renderers make manifests of charts and kustomizations.
	Renderers func() kubernetes.Renderers
	// Checker runs BuildKit's own checks on Dockerfiles.
	Checker func() dockerfile.Checker
	// Cache opens GitHub's cache, from inside a job.
	Cache func(service cache.ActionsService, transport http.RoundTripper, userAgent string) (cache.Store, error)
	// Signer loads a private key.
	Signer func(key sign.KeyOptions, getenv config.Getenv, client *registry.Client) (sign.Signer, error)
	// Verifier loads a public key.
	Verifier func(key sign.KeyOptions, getenv config.Getenv, client *registry.Client) (sign.Verifier, error)
}

// linters lists every linter, with the adapters that there are.
func (d Deps) linters() []lint.Linter {
	var adapters all.Adapters
	if d.Renderers != nil {
		adapters.Renderers = d.Renderers()
	}
	if d.Checker != nil {
		adapters.Checker = d.Checker()
	}
	return all.Linters(adapters)
}

// full says whether the adapters are there.
func (d Deps) full() bool { return d.Analyzer != nil }

// builds says whether there is a builder too.
func (d Deps) builds() bool { return d.Builder != nil }
