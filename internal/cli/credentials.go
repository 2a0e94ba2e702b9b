package cli

import (
	"cmp"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/registry"
)

// githubRegistry is where a run's own token is good for, with packages: read or write.
const githubRegistry = "ghcr.io"

// keychain looks for credentials of a registry: Docker's configuration first, and
// in an action the run's token for GitHub's registry, because the configuration
// that an earlier step wrote by docker login lies in another home directory.
func (env *environment) keychain(cfg *config.Config) authn.Keychain {
	if cfg.GitHubToken == "" || strings.TrimRight(env.getenv("GITHUB_SERVER_URL"), "/") != "https://github.com" {
		// The token of an enterprise's server is nothing for github.com's registry.
		return authn.DefaultKeychain
	}
	return authn.NewMultiKeychain(authn.DefaultKeychain, tokenKeychain{
		user: cmp.Or(env.getenv("GITHUB_ACTOR"), "x-access-token"), token: cfg.GitHubToken,
	})
}

// tokenKeychain knows one registry.
type tokenKeychain struct{ user, token string }

// Resolve implements authn.Keychain.
func (k tokenKeychain) Resolve(target authn.Resource) (authn.Authenticator, error) {
	if target.RegistryStr() != githubRegistry {
		return authn.Anonymous, nil
	}
	return authn.FromConfig(authn.AuthConfig{Username: k.user, Password: k.token}), nil
}

func auths(cfg *config.Config) []registry.Auth {
	out := make([]registry.Auth, len(cfg.RegistryAuths))
	for i, a := range cfg.RegistryAuths {
		out[i] = registry.Auth(a)
	}
	return out
}

// secretTexts are the texts that no log may show: what the settings hold that the
// runner does not know to be secret. Names of variables are followed.
func (env *environment) secretTexts(cfg *config.Config) []string {
	out := []string{env.getenv("COSIGN_PASSWORD")}
	if cfg.GitHubToken != "" {
		out = append(out, cfg.GitHubToken)
	}
	for _, a := range cfg.RegistryAuths {
		out = append(out, a.Password)
	}
	for _, value := range cfg.Secrets {
		out = append(out, value)
	}
	for _, variable := range cfg.SecretEnvs {
		out = append(out, env.getenv(variable))
	}
	return out
}
