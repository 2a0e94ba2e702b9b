//go:build !lite

package main

import (
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/plimsoll-ci/plimsoll/internal/build/doors"
	"github.com/plimsoll-ci/plimsoll/internal/cache/gha"
	"github.com/plimsoll-ci/plimsoll/internal/cli"
	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/registry"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy/analyze"
	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy/db"
	"github.com/plimsoll-ci/plimsoll/internal/sign"
	"github.com/plimsoll-ci/plimsoll/internal/sign/sigstore"
	"github.com/plimsoll-ci/plimsoll/internal/source/helm"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
	"github.com/plimsoll-ci/plimsoll/internal/source/kustomize"
)

// The one init of the program: this file is the only importer of the adapters,
// and leaving it out of the build is what makes the lite program.
func init() { //nolint:gochecknoinits // see above
	deps = cli.Deps{
		Builder:  doors.New,
		Serve:    doors.Serve,
		Analyzer: func() scan.Analyzer { return analyze.New(nil) },
		Databases: func(transport http.RoundTripper, keychain authn.Keychain) scan.Databases {
			return db.New(transport, keychain)
		},
		Renderers: func() kubernetes.Renderers {
			return kubernetes.Renderers{Charts: helm.New(), Kustomizations: kustomize.New()}
		},
		Checker: doors.Check,
		Cache:   gha.New,
		Signer: func(key sign.KeyOptions, getenv config.Getenv, client *registry.Client) (sign.Signer, error) {
			return sigstore.NewSigner(key, sigstore.Options{Registry: client, Getenv: getenv, Now: time.Now})
		},
		Verifier: func(key sign.KeyOptions, getenv config.Getenv, client *registry.Client) (sign.Verifier, error) {
			return sigstore.NewVerifier(key, sigstore.Options{Registry: client, Getenv: getenv, Now: time.Now})
		},
	}
}
