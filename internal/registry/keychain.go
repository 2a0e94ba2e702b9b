package registry

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// Auth is one credential for one registry host.
type Auth struct {
	Registry string // "ghcr.io", "localhost:5000"; "docker.io" is Docker Hub
	Username string
	Password string
}

// String names the credential without telling it.
func (a Auth) String() string { return a.Username + "@" + a.Registry }

// GoString is String, so that %#v tells no password either.
func (a Auth) GoString() string { return a.String() }

// keychain answers from the given credentials first.
type keychain struct {
	byHost map[string]authn.Authenticator
	next   authn.Keychain
}

func newKeychain(auths []Auth, next authn.Keychain) (*keychain, error) {
	k := &keychain{byHost: make(map[string]authn.Authenticator, len(auths)), next: next}
	for _, a := range auths {
		host, err := name.NewRegistry(a.Registry)
		if err != nil {
			return nil, fmt.Errorf("registry %q in the registry credentials is not a host name: %w; write it as host or host:port", a.Registry, err)
		}
		k.byHost[host.RegistryStr()] = &authn.Basic{Username: a.Username, Password: a.Password}
	}
	return k, nil
}

// Resolve implements authn.Keychain.
func (k *keychain) Resolve(r authn.Resource) (authn.Authenticator, error) {
	return k.ResolveContext(context.Background(), r)
}

// ResolveContext implements authn.ContextKeychain.
func (k *keychain) ResolveContext(ctx context.Context, r authn.Resource) (authn.Authenticator, error) {
	if a, ok := k.byHost[r.RegistryStr()]; ok {
		return a, nil
	}
	if k.next == nil {
		return authn.Anonymous, nil
	}
	return authn.Resolve(ctx, k.next, r)
}
