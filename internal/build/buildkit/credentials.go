package buildkit

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/moby/buildkit/session/auth"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// FromKeychain turns a keychain into what Builder.Credentials wants.
func FromKeychain(keychain authn.Keychain) func(host string) (user, secret string, err error) {
	return func(host string) (string, string, error) {
		registry, err := name.NewRegistry(host)
		if err != nil {
			return "", "", fmt.Errorf("looking for credentials of %q: %w", host, err)
		}
		auth, err := keychain.Resolve(registry)
		if err != nil {
			return "", "", fmt.Errorf("looking for credentials of %q: %w", host, err)
		}
		config, err := auth.Authorization()
		if err != nil {
			return "", "", fmt.Errorf("reading credentials of %q: %w", host, err)
		}
		if config.IdentityToken != "" {
			return "", config.IdentityToken, nil
		}
		return config.Username, config.Password, nil
	}
}

// hostKey is the name that credentials of a registry are filed under.
func hostKey(host string) string {
	switch host {
	case "docker.io", "registry-1.docker.io", "registry.hub.docker.com":
		return name.DefaultRegistry
	}
	return strings.TrimSuffix(host, ":443")
}

// credentials answers the session's questions for credentials. It knows no tokens:
// BuildKit then fetches them itself, and nothing is written to Docker's config
// directory as Docker's own provider would.
type credentials struct {
	auth.UnimplementedAuthServer
	lookUp func(host string) (user, secret string, err error)
}

// Register implements session.Attachable.
func (c *credentials) Register(server *grpc.Server) { auth.RegisterAuthServer(server, c) }

// Credentials implements auth.AuthServer.
func (c *credentials) Credentials(_ context.Context, request *auth.CredentialsRequest) (*auth.CredentialsResponse, error) {
	if c.lookUp == nil {
		return &auth.CredentialsResponse{}, nil
	}
	user, secret, err := c.lookUp(hostKey(request.Host))
	if err != nil {
		return nil, status.Error(codes.FailedPrecondition, err.Error())
	}
	return &auth.CredentialsResponse{Username: user, Secret: secret}, nil
}
