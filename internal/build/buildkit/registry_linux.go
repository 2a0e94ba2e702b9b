package buildkit

import (
	"context"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/moby/buildkit/session/auth"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// newTransport speaks to registries. BuildKit's own would stay open after us.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 60 * time.Second}).DialContext,
		MaxIdleConnsPerHost:   4,
		IdleConnTimeout:       60 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 60 * time.Second,
		ExpectContinueTimeout: 5 * time.Second,
	}
}

// registryHosts are Docker's defaults, with plain HTTP for localhost and the
// hosts named.
func registryHosts(client *http.Client, insecure []string) docker.RegistryHosts {
	return docker.ConfigureDefaultRegistries(
		docker.WithClient(client),
		docker.WithPlainHTTP(func(host string) (bool, error) {
			if slices.Contains(insecure, host) {
				return true, nil
			}
			return docker.MatchLocalhost(host)
		}),
	)
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
